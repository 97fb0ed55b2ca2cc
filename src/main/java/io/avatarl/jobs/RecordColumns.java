package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Records in the order of their steps, as columns of points: one per step or, if there would be
 * more than {@value #POINTS}, per range of steps. (Within a step, metrics like the KL start at 0
 * and rise with each update.) Holds only the points, since a run of a week has millions of records.
 */
final class RecordColumns {
  /** Most points; more would not be visible on a chart. */
  static final int POINTS = 400;

  private final List<String> fields;
  private List<Point> points = new ArrayList<>();
  private int stepsEach = 1;
  private int stepsInLast = 0;
  private long lastStep = 0;

  RecordColumns(List<String> fields) {
    this.fields = fields;
  }

  /** Sums over the records of some steps. */
  private static final class Point {
    private final double[] sums;
    private final int[] counts;
    private long update;

    Point(int fields) {
      sums = new double[fields];
      counts = new int[fields];
    }

    void add(Point later) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += later.sums[i];
        counts[i] += later.counts[i];
      }
      update = later.update;
    }
  }

  /** Leaves out values that are not finite. */
  void add(JsonNode record) {
    long step = record.path("step").asLong();
    if (points.isEmpty() || step != lastStep) {
      if (points.isEmpty() || stepsInLast == stepsEach) {
        if (points.size() == POINTS) {
          halve();
        }
        points.add(new Point(fields.size()));
        stepsInLast = 0;
      }
      stepsInLast++;
      lastStep = step;
    }
    Point point = points.get(points.size() - 1);
    point.update = record.path("update").asLong();
    for (int i = 0; i < fields.size(); i++) {
      JsonNode value = record.path(fields.get(i));
      if (value.isNumber() && Double.isFinite(value.asDouble())) {
        point.sums[i] += value.asDouble();
        point.counts[i]++;
      }
    }
  }

  private void halve() {
    List<Point> half = new ArrayList<>();
    for (int i = 0; i < points.size(); i += 2) {
      points.get(i).add(points.get(i + 1));
      half.add(points.get(i));
    }
    points = half;
    stepsEach *= 2;
  }

  /** Step of the newest record; 0 without any. */
  long lastStep() {
    return lastStep;
  }

  /** The means, and the last update of each point. */
  ObjectNode toJson() {
    ObjectNode columns = JsonNodeFactory.instance.objectNode();
    columns.putArray("update");
    fields.forEach(columns::putArray);
    for (Point point : points) {
      columns.withArray("update").add(point.update);
      for (int i = 0; i < fields.size(); i++) {
        if (point.counts[i] > 0) {
          columns.withArray(fields.get(i)).add(point.sums[i] / point.counts[i]);
        } else {
          columns.withArray(fields.get(i)).addNull();
        }
      }
    }
    return columns;
  }
}
