package io.avatarl.config;

/** The device that computes. */
public enum DeviceType {
  /** The GPU that Spark assigned, or the CPU if it assigned none. */
  AUTO,
  /** The CPU, even if Spark assigned a GPU. */
  CPU,
  /** The GPU that Spark assigned to the task; an error if it assigned none. */
  GPU
}
