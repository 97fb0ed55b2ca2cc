package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ModelCostTest {
  @Test
  void countedByHand() {
    // One layer, width 2, context 3, vocabulary 5. Per token: queries, keys, values 2·2·6 = 24;
    // output 2·2·2 = 8; MLP 2·2·8 + 2·8·2 = 64; keys 1, 2, 3 for the three tokens, so 2 on average,
    // each 2·2 for its score and 2·2 for its use = 16; logits 2·2·5 = 20.
    ModelCost cost = new ModelCost(1, 2, 3, 5);
    assertEquals(24 + 8 + 64 + 16 + 20, cost.forward());
    assertEquals(3 * 132, cost.update());
    assertEquals(4 * 132, cost.group());
  }

  @Test
  void theDefaultModel() {
    // 4 layers of 24·128² + 4·128·32.5, and 2·128·65.
    assertEquals(4 * (393_216 + 16_640) + 16_640, new ModelCost(4, 128, 64, 65).forward());
  }

  @Test
  void whatGrowsLinearly() {
    double forward = new ModelCost(4, 128, 64, 65).forward();
    assertEquals(4 * 4 * 128 * 32, new ModelCost(4, 128, 128, 65).forward() - forward);
    assertEquals(2 * 128 * 1000, new ModelCost(4, 128, 64, 1065).forward() - forward);
  }
}
