"""From floats between dequantize and quantize to integers: the rules of `qdq-to-integer`."""
