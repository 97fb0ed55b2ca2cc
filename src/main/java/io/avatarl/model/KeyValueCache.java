package io.avatarl.model;

import ai.djl.ndarray.NDArray;

interface KeyValueCache {
  int length();

  void advance(int n);

  NDArray appendKeys(int layer, NDArray k);

  NDArray appendValues(int layer, NDArray v);
}
