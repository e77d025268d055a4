/* $title

   C interface of $library, made by tenonc $compiler for $target.
   C99 or C++; link with the library, or load it with dlopen. It needs libc and libm only.
$ports
   Ownership. What the caller passes stays the caller's, and is not kept after the call: tensors, their memory,
   options, paths. A model is created by the library and given back with destroy. What info returns is constant.
   The files of the library and of its weights are mapped: they may be replaced by others, but not changed, while in
   use.

   Errors. Every call that can fail returns a status, 0 for success, and writes one line of text into `error`, which
   may be NULL. A run that fails has written nothing to its outputs. Nothing is printed, no signal is raised.

   Threads. Several threads may run one model at the same time: each run works in memory of its own, some of which
   is kept for the next. A model's own threads serve one run at a time, others then do without. A model may be
   created in one thread and destroyed in another, once no run uses it.

   Memory of tensors. Row-major and without gaps, aligned to the element, of exactly the port's dtype and shape.
   Outputs overlap neither inputs nor each other. */
#ifndef TENON_$guard
#define TENON_$guard $mark

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TENON_ABI_VERSION
#define TENON_ABI_VERSION $version /* changes when a program must be compiled again */

typedef int32_t tenon_status;
enum {
  TENON_OK = 0,
  TENON_INVALID_ARGUMENT = 1, /* a null pointer, or a tensor that does not fit its port */
  TENON_WRONG_VERSION = 2,    /* the program was compiled with the header of another version */
  TENON_WRONG_CPU = 3,        /* this CPU lacks instructions that the code uses */
  TENON_BAD_WEIGHTS = 4,      /* the weights are missing, cut off, damaged or another model's */
  TENON_OUT_OF_MEMORY = 5,
  TENON_NO_THREADS = 6        /* the system starts none */
};

/* Element types, with the numbers that ONNX gives them. */
enum {
  TENON_FLOAT32 = 1, TENON_UINT8 = 2, TENON_INT8 = 3, TENON_UINT16 = 4, TENON_INT16 = 5, TENON_INT32 = 6,
  TENON_INT64 = 7, TENON_BOOL = 9, TENON_FLOAT16 = 10, TENON_FLOAT64 = 11, TENON_UINT32 = 12, TENON_UINT64 = 13,
  TENON_BFLOAT16 = 16
};

typedef struct {
  void *data;             /* inputs are only read */
  const int64_t *shape;   /* rank extents */
  const int64_t *strides; /* in elements, or NULL for row-major */
  size_t bytes;           /* of data: the product of the extents times the size of an element */
  int32_t dtype;
  int32_t rank;
} tenon_tensor;

typedef struct {
  char text[512];
} tenon_error;

typedef struct {
  int32_t threads;     /* that share one run; 0: as many as the model was compiled for. One that was compiled
                          for one thread runs on one. */
  const char *weights; /* path of a .weights file; NULL: inside the library, or beside it */
} tenon_options;

typedef struct {
  const char *name;
  const int64_t *shape;
  size_t bytes;
  size_t alignment; /* of the data, in bytes */
  int32_t dtype;
  int32_t rank;
} tenon_port;

typedef struct {
  uint32_t abi_version;
  int32_t threads; /* the model was compiled for */
  const char *name;
  const char *target;
  const char *compiler; /* version of tenonc */
  const char *digest;   /* in hexadecimal; differs where code, weights or ports do */
  size_t arena_bytes;   /* working memory of one run */
  size_t weight_bytes;
  size_t input_count;
  const tenon_port *inputs;
  size_t output_count;
  const tenon_port *outputs;
} tenon_info;

typedef struct tenon_model tenon_model;

/* For programs that load any model with dlopen: dlsym(library, "tenon_model_api") is a `const tenon_api *`. */
typedef struct {
  const tenon_info *(*info)(void);
  tenon_status (*create)(uint32_t abi_version, const tenon_options *, tenon_model **, tenon_error *);
  tenon_status (*run)(tenon_model *, const tenon_tensor *inputs, size_t, const tenon_tensor *outputs, size_t,
                      tenon_error *);
  void (*destroy)(tenon_model *);
} tenon_api;
#elif TENON_ABI_VERSION != $version
#error "the headers of two models are of different versions of tenonc: compile both with one"
#endif

enum { TENON_${NAME}_INPUTS = $inputs, TENON_${NAME}_OUTPUTS = $outputs };

/* What the model is; works on any CPU, before create. */
const tenon_info *tenon_${name}_info(void);

/* Makes the model ready to run, with its weights in memory. `abi_version` is TENON_ABI_VERSION, `options` may be
   NULL. On failure *model is NULL. */
tenon_status tenon_${name}_create(uint32_t abi_version, const tenon_options *options, tenon_model **model,
                              tenon_error *error);

/* Computes the outputs from the inputs, both in the order of the list above. */
tenon_status tenon_${name}_run(tenon_model *model, const tenon_tensor *inputs, size_t input_count,
                           const tenon_tensor *outputs, size_t output_count, tenon_error *error);

/* Frees everything the model holds; NULL is fine. */
void tenon_${name}_destroy(tenon_model *model);

#ifdef __cplusplus
}
#endif
#elif TENON_$guard != $mark
#error "two models have the C names tenon_${name}_...: give one library another file name, or load it with dlopen"
#endif
