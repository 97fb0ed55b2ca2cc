package io.avatarl.config;

import java.io.Serializable;
import java.net.URI;

/**
 * A tracking server for a run's metrics. Training does not depend on it.
 *
 * @param uri of an MLflow tracking server ({@code http://...}, {@code https://...}), or {@code
 *     databricks}; empty: off
 * @param experiment the MLflow experiment's name
 * @param register the name under which MLflow registers the trained model; empty: does not register
 *     it
 * @param tensorboard whether metrics are also written as TensorBoard event files
 */
public record TrackingConfig(String uri, String experiment, String register, boolean tensorboard)
    implements Serializable {
  /** The workspace that {@code DATABRICKS_HOST} names. */
  public static final String DATABRICKS = "databricks";

  public TrackingConfig {
    Check.that(
        uri.isEmpty() || uri.equals(DATABRICKS) || uri.matches("https?://[^/@\\s]+(/[^@\\s]*)?"),
        "uri",
        uri.contains("@")
            // Not repeated in the message: it may hold a password.
            ? "must not hold credentials, because the run's folder records it; set"
                + " MLFLOW_TRACKING_TOKEN instead"
            : uri + " is neither http://HOST, https://HOST nor " + DATABRICKS);
    Check.that(isUri(uri), "uri", uri + " is not a URI");
    Check.that(
        register.isEmpty() || !uri.isEmpty(),
        "register",
        register + " needs an MLflow server; set tracking.uri");
    Check.that(
        register.isEmpty() || register.matches("[^/:]+"),
        "register",
        register + " is not a valid name of a registered model; leave out / and :");
    Check.that(!experiment.isBlank(), "experiment", "must not be empty");
  }

  private static boolean isUri(String text) {
    try {
      URI.create(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
