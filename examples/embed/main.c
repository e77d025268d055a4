/* Runs the network of examples/digits, compiled to a shared object, in a C program: `make embed` builds it.

   The network tells which digit an image of 8 by 8 pixels shows. */
#include <stdio.h>

#include "digits.h"

static const char *const picture[8] = {
    "  .##.  ", /* from white to black: space, dot, # */
    " .#..#. ",
    "     #. ",
    "   .#.  ",
    "   .##  ",
    "     #. ",
    " #. .#. ",
    "  .##.  ",
};

int main(void) {
  float image[1 * 1 * 8 * 8], probabilities[1 * 10];
  for (int i = 0; i < 64; i++) {
    const char pixel = picture[i / 8][i % 8];
    image[i] = pixel == '#' ? 1.0f : pixel == '.' ? 0.5f : 0.0f;
  }

  tenon_error error;
  tenon_model *model;
  if (tenon_digits_create(TENON_ABI_VERSION, NULL, &model, &error) != TENON_OK) {
    fprintf(stderr, "cannot create the model: %s\n", error.text);
    return 1;
  }

  /* What the model expects of its inputs and outputs, it says itself: see digits.h for the same in words. */
  const tenon_info *info = tenon_digits_info();
  const tenon_port *in = &info->inputs[0], *out = &info->outputs[0];
  const tenon_tensor input = {image, in->shape, NULL, sizeof image, TENON_FLOAT32, in->rank};
  const tenon_tensor output = {probabilities, out->shape, NULL, sizeof probabilities, TENON_FLOAT32, out->rank};
  if (tenon_digits_run(model, &input, 1, &output, 1, &error) != TENON_OK) {
    fprintf(stderr, "cannot run the model: %s\n", error.text);
    tenon_digits_destroy(model);
    return 1;
  }

  int best = 0;
  for (int digit = 0; digit < 10; digit++) {
    printf("%d %5.1f %%\n", digit, 100.0 * probabilities[digit]);
    if (probabilities[digit] > probabilities[best]) best = digit;
  }
  printf("the image shows a %d\n", best);
  tenon_digits_destroy(model);
  return 0;
}
