// ONNX Runtime's own loop: what a C program measures that calls the library and nothing
// else. The test of wisp's agreement with it drives it over pipes.
//
//   loop LIBRARY MODEL THREADS BATCH CHANNELS HEIGHT WIDTH OUTPUTS
//
// For every line "MILLISECONDS" on standard input it runs the model for so long and prints
// the median duration of a run in nanoseconds.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *p;
typedef p (*call)(); // every function of the table returns a status or nothing

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int order(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void must(p status, const char *what) {
  if (status) {
    fprintf(stderr, "loop: %s failed\n", what);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 9) return 2;
  p lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    fprintf(stderr, "loop: %s\n", dlerror());
    return 1;
  }
  struct { p (*api)(uint32_t); } *base = ((p(*)(void))dlsym(lib, "OrtGetApiBase"))();
  call *t = base->api(17); // the places of onnxruntime_c_api.h
  p env, options, session, memory, in, out, allocator, in_name, out_name;
  must(t[3](3, "loop", &env), "CreateEnv");
  must(t[10](&options), "CreateSessionOptions");
  must(t[23](options, 99), "SetSessionGraphOptimizationLevel");
  must(t[24](options, atoi(argv[3])), "SetIntraOpNumThreads");
  must(t[7](env, argv[2], options, &session), "CreateSession");
  must(t[78](&allocator), "GetAllocatorWithDefaultOptions");
  must(t[36](session, (size_t)0, allocator, &in_name), "SessionGetInputName");
  must(t[37](session, (size_t)0, allocator, &out_name), "SessionGetOutputName");
  must(t[69](1, 0, &memory), "CreateCpuMemoryInfo");
  int64_t shape[4], result[2] = {atoi(argv[4]), atoi(argv[8])};
  size_t n = 1, m = result[0] * result[1];
  for (int i = 0; i < 4; i++) n *= shape[i] = atoi(argv[4 + i]);
  float *x = malloc(4 * n), *y = malloc(4 * m);
  srand(1);
  for (size_t i = 0; i < n; i++) x[i] = 2.0f * rand() / RAND_MAX - 1;
  must(t[49](memory, x, 4 * n, shape, (size_t)4, 1, &in), "CreateTensorWithDataAsOrtValue");
  must(t[49](memory, y, 4 * m, result, (size_t)2, 1, &out), "CreateTensorWithDataAsOrtValue");
  static int64_t d[1 << 20];
  long ms;
  while (scanf("%ld", &ms) == 1) {
    int k = 0;
    for (int64_t start = now(); k == 0 || (now() - start < ms * 1000000LL && k < 1 << 20); k++) {
      int64_t a = now();
      must(t[9](session, (p)0, &in_name, &in, (size_t)1, &out_name, (size_t)1, &out), "Run");
      d[k] = now() - a;
    }
    qsort(d, k, sizeof d[0], order);
    printf("%lld\n", (long long)d[k / 2]);
    fflush(stdout);
  }
  return 0;
}
