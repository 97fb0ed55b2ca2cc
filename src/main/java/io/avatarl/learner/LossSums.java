package io.avatarl.learner;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Sums over the groups of some windows, which can be added.
 *
 * @param loss value of the objective
 * @param clipFraction weight of the actions whose gradient was cut off by ratio clipping
 * @param kl estimate of KL(π_old ‖ π), in nats
 * @param entropy of the policy in nats if there is an entropy bonus, else 0
 * @param referenceKl KL to the reference in nats; 0 without one
 */
public record LossSums(
    double loss, double clipFraction, double kl, double entropy, double referenceKl)
    implements Serializable {
  public static final LossSums NONE = new LossSums(0, 0, 0, 0, 0);

  public LossSums plus(LossSums o) {
    return new LossSums(
        loss + o.loss,
        clipFraction + o.clipFraction,
        kl + o.kl,
        entropy + o.entropy,
        referenceKl + o.referenceKl);
  }

  /** The terms of the loss that are not finite. */
  List<String> notFinite() {
    List<String> terms = new ArrayList<>();
    if (!Double.isFinite(entropy)) {
      terms.add("entropy");
    }
    if (!Double.isFinite(referenceKl)) {
      terms.add("KL to the reference");
    }
    if (!Double.isFinite(loss) && terms.isEmpty()) {
      terms.add("surrogate"); // what is left of the loss
    }
    if (!Double.isFinite(kl)) {
      terms.add("KL to the policy that explored");
    }
    return terms;
  }
}
