package io.avatarl.config;

/** What computes. */
public enum DeviceType {
  /** The GPU that Spark assigned, the CPU where it assigned none. */
  AUTO,
  /** The CPU, whatever was assigned. */
  CPU,
  /** The GPU that Spark assigned to the task; an error where it assigned none. */
  GPU
}
