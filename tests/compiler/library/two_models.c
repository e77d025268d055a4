/* Runs two models of the test's network in one program, each in two threads: reads image.bin and k.bin, writes
   first.bin and second.bin. The argument is how often it does so. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"
#include "second.h"

typedef tenon_status run_function(tenon_model *, const tenon_tensor *, size_t, const tenon_tensor *, size_t,
                                  tenon_error *);

static float image[1 * 3 * 16 * 16];
static int64_t k[2];

typedef struct {
  tenon_model *model;
  run_function *run;
  float features[1 * 8 * 16 * 16];
  int64_t next[2];
  int failed;
} work;

static void *compute(void *argument) {
  work *const w = (work *)argument;
  const int64_t image_shape[] = {1, 3, 16, 16}, features_shape[] = {1, 8, 16, 16}, k_shape[] = {2};
  const int64_t strides[] = {768, 256, 16, 1};
  const tenon_tensor inputs[] = {{image, image_shape, strides, sizeof image, TENON_FLOAT32, 4},
                                 {k, k_shape, NULL, sizeof k, TENON_INT64, 1}};
  const tenon_tensor outputs[] = {{w->features, features_shape, NULL, sizeof w->features, TENON_FLOAT32, 4},
                                  {w->next, k_shape, NULL, sizeof w->next, TENON_INT64, 1}};
  tenon_error error;
  for (int i = 0; i < 50; i++)
    if (w->run(w->model, inputs, TENON_FIRST_INPUTS, outputs, TENON_FIRST_OUTPUTS, &error)) {
      fprintf(stderr, "%s\n", error.text);
      w->failed = 1;
    }
  return NULL;
}

static int transfer(const char *name, const char *mode, void *data, size_t bytes) {
  FILE *const file = fopen(name, mode);
  if (!file) return 1;
  const size_t done = mode[0] == 'r' ? fread(data, 1, bytes, file) : fwrite(data, 1, bytes, file);
  return fclose(file) || done != bytes;
}

int main(int count, char **arguments) {
  const int rounds = count > 1 ? atoi(arguments[1]) : 20;
  static work works[4];
  pthread_t threads[4];
  tenon_error error;
  tenon_model *first, *second;
  if (transfer("image.bin", "rb", image, sizeof image) || transfer("k.bin", "rb", k, sizeof k)) return 2;
  for (int round = 0; round < rounds; round++) {
    if (tenon_first_create(TENON_ABI_VERSION, NULL, &first, &error) ||
        tenon_second_create(TENON_ABI_VERSION, NULL, &second, &error)) {
      fprintf(stderr, "%s\n", error.text);
      return 3;
    }
    for (int i = 0; i < 4; i++) {
      works[i].model = i % 2 ? second : first;
      works[i].run = i % 2 ? tenon_second_run : tenon_first_run;
      if (pthread_create(&threads[i], NULL, compute, &works[i])) return 4;
    }
    for (int i = 0; i < 4; i++)
      if (pthread_join(threads[i], NULL) || works[i].failed) return 5;
    if (tenon_second_run(first, NULL, 0, NULL, 0, &error) != TENON_INVALID_ARGUMENT) return 6;
    tenon_first_destroy(first);
    tenon_second_destroy(second);
  }
  if (memcmp(works[0].features, works[2].features, sizeof works[0].features)) return 7;
  if (strcmp(tenon_first_info()->name, "first") || strcmp(tenon_second_info()->name, "second")) return 8;
  return transfer("first.bin", "wb", works[0].features, sizeof works[0].features) ||
         transfer("second.bin", "wb", works[1].features, sizeof works[1].features);
}
