// What github.com/vulkan-go/vulkan lacks: the loader's library, newer queries
// and features, timeline semaphores, addresses, and recording a whole list of
// commands in one call.
#ifndef LORAEDGE_VK_DRIVER_H
#define LORAEDGE_VK_DRIVER_H

#include <stddef.h>
#include <stdint.h>

// lv_loader opens the system's Vulkan library and returns
// vkGetInstanceProcAddr, or NULL where there is none.
void *lv_loader(void);

typedef struct {
  uint32_t m, n, k, a, b, c, result, scope;
} lv_matrix;

enum { lv_max_matrices = 128 };

typedef struct {
  uint32_t driver_id;
  char driver_name[256], driver_info[256];
  uint32_t subgroup_size, min_subgroup_size, max_subgroup_size, size_stages, subgroup_operations;
  uint32_t mixed_dot_products; // of four signed and four unsigned bytes, in hardware
  uint64_t max_allocation, max_buffer;
  uint8_t driver_uuid[16];
  uint64_t heap_budget[16], heap_usage[16];
  uint32_t float64, int64, int16, storage16, storage8, float16, int8;
  uint32_t scalar_layout, extended_types, timeline, address, memory_model;
  uint32_t size_control, full_subgroups, maintenance4;
  uint32_t matrix, bfloat16, bfloat16_matrix, statistics;
  uint32_t matrices;
  lv_matrix matrix_list[lv_max_matrices];
} lv_info;

// Extensions that a device has.
enum { LV_MATRIX = 1, LV_BFLOAT16 = 2, LV_BUDGET = 4, LV_STATISTICS = 8 };

void lv_query(void *instance, void *physical, uint32_t api, uint32_t extensions, lv_info *info);

// lv_enable returns the chain of features to create a device with; free it
// with lv_free_chain.
void *lv_enable(const lv_info *info, uint32_t api);
void lv_free_chain(void *chain);

// Validation: a chain for the instance, a messenger, and the messages so far
// (NULL where there are none; the caller frees them).
void *lv_validation_chain(void);
int32_t lv_messenger(void *instance);
char *lv_messages(void);

typedef struct lv_device lv_device;

// A device has two lanes of submissions, each in order and with a timeline of its
// own: lv_compute takes all commands, lv_transfer copies only.
enum { lv_compute, lv_transfer, lv_lanes };

// lv_open takes a device, the queues of its lanes, which may be one queue, and the
// pipeline layout over.
lv_device *lv_open(void *instance, void *device, void *const queues[lv_lanes], const uint32_t families[lv_lanes], uint64_t layout,
                   int32_t *result);
void lv_close(lv_device *);
uint64_t lv_address(lv_device *, uint64_t buffer);

// lv_pipeline compiles a shader of size bytes, its entry "main", with constants 0, 1, …;
// with whole its subgroups have no idle invocations; subgroup is the size that they must have, 0 for any.
// github.com/vulkan-go/vulkan may free what such a call reads while the driver still compiles.
int32_t lv_pipeline(lv_device *, const uint32_t *code, size_t size, const uint32_t *constants, uint32_t count, uint32_t whole,
                    uint32_t subgroup, uint64_t *pipeline);

// lv_keep_statistics lets pipelines from now on keep what the driver's compiler has to say of
// them. A pipeline is compiled to lv_variants programs; lv_statistics gives what it says of
// one, at most lv_max_statistics, and sets *count.
typedef struct {
  char name[256];
  double value;
} lv_statistic;

enum { lv_max_statistics = 128 };

void lv_keep_statistics(lv_device *);
int32_t lv_variants(lv_device *, uint64_t pipeline, uint32_t *count);
int32_t lv_statistics(lv_device *, uint64_t pipeline, uint32_t variant, lv_statistic list[lv_max_statistics], uint32_t *count);

// lv_open_cache lets all pipelines from now on be found in, and added to, a cache
// that begins with data of lv_cache_data, which writes at most *size bytes and
// sets it to how many; with data NULL it sets it to how many there are.
int32_t lv_open_cache(lv_device *, const void *data, size_t size);
int32_t lv_cache_data(lv_device *, void *data, size_t *size);

typedef struct {
  uint32_t kind, barrier; // lv_dispatch …
  uint64_t pipeline;
  uint32_t base[3], groups[3];
  uint32_t push_size, value;
  uint8_t push[128];
  uint64_t from, to, from_offset, to_offset, size;
} lv_command;

enum { lv_dispatch, lv_copy, lv_fill, lv_reset_times, lv_time };

// lv_submit records and submits commands and returns the point in the lane's time,
// *when, that lv_wait waits for. They begin after the point `after` of the other
// lane, which was submitted before; 0 is none.
int32_t lv_submit(lv_device *, uint32_t lane, uint64_t after, const lv_command *commands, uint32_t count, uint64_t *when);
int32_t lv_wait(lv_device *, uint32_t lane, uint64_t when);

// lv_make_times makes room for count points in time, once. lv_reset_times forgets
// the first value of them, and lv_time writes number value when all before it has
// ended. lv_times waits for the first count and returns the device's clock.
int32_t lv_make_times(lv_device *, uint32_t count);
int32_t lv_times(lv_device *, uint32_t count, uint64_t *ticks);

// The structures that calls of github.com/vulkan-go/vulkan carry along.
void *lv_address_flag(void);

#endif
