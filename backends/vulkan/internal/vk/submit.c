//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

#include "driver.h"
#include "spec.h"

#include <stdlib.h>

// The device's functions, by name of the member.
#define FUNCTIONS(F)                                                                                                     \
  F(vk_result, CreateSemaphore, (void *, const semaphore_info *, const void *, vk_handle *))                           \
  F(void, DestroySemaphore, (void *, vk_handle, const void *))                                                         \
  F(vk_result, WaitSemaphores, (void *, const semaphore_wait_info *, uint64_t))                                        \
  F(uint64_t, GetBufferDeviceAddress, (void *, const buffer_device_address_info *))                                    \
  F(vk_result, CreateShaderModule, (void *, const shader_module_info *, const void *, vk_handle *))                    \
  F(void, DestroyShaderModule, (void *, vk_handle, const void *))                                                      \
  F(vk_result, CreateComputePipelines,                                                                                 \
    (void *, vk_handle, uint32_t, const compute_pipeline_info *, const void *, vk_handle *))                           \
  F(vk_result, CreatePipelineCache, (void *, const pipeline_cache_info *, const void *, vk_handle *))                  \
  F(void, DestroyPipelineCache, (void *, vk_handle, const void *))                                                     \
  F(vk_result, GetPipelineCacheData, (void *, vk_handle, size_t *, void *))                                            \
  F(vk_result, CreateCommandPool, (void *, const command_pool_info *, const void *, vk_handle *))                      \
  F(void, DestroyCommandPool, (void *, vk_handle, const void *))                                                       \
  F(vk_result, ResetCommandPool, (void *, vk_handle, uint32_t))                                                        \
  F(vk_result, AllocateCommandBuffers, (void *, const command_buffer_info *, void **))                                 \
  F(vk_result, BeginCommandBuffer, (void *, const command_begin_info *))                                               \
  F(vk_result, EndCommandBuffer, (void *))                                                                             \
  F(void, CmdBindPipeline, (void *, uint32_t, vk_handle))                                                              \
  F(void, CmdPushConstants, (void *, vk_handle, uint32_t, uint32_t, uint32_t, const void *))                           \
  F(void, CmdDispatchBase, (void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t))                       \
  F(void, CmdCopyBuffer, (void *, vk_handle, vk_handle, uint32_t, const buffer_copy *))                                \
  F(void, CmdFillBuffer, (void *, vk_handle, uint64_t, uint64_t, uint32_t))                                            \
  F(void, CmdPipelineBarrier,                                                                                          \
    (void *, uint32_t, uint32_t, uint32_t, uint32_t, const memory_barrier *, uint32_t, const void *, uint32_t,         \
     const void *))                                                                                                    \
  F(vk_result, CreateQueryPool, (void *, const query_pool_info *, const void *, vk_handle *))                          \
  F(void, DestroyQueryPool, (void *, vk_handle, const void *))                                                         \
  F(void, CmdResetQueryPool, (void *, vk_handle, uint32_t, uint32_t))                                                  \
  F(void, CmdWriteTimestamp, (void *, uint32_t, vk_handle, uint32_t))                                                  \
  F(vk_result, GetQueryPoolResults, (void *, vk_handle, uint32_t, uint32_t, size_t, void *, uint64_t, uint32_t))       \
  F(vk_result, QueueSubmit, (void *, uint32_t, const submit_info *, vk_handle))

enum { RING = 4 };

// lane is a queue with its timeline. A queue for transfers alone knows no other
// stage, so stages and accesses of its barriers are its own.
typedef struct {
  void *queue;
  vk_handle semaphore;
  uint64_t submitted;
  uint32_t stages, writes, all;
  struct {
    vk_handle pool;
    void *commands;
    uint64_t when; // the buffer may be recorded anew after this
  } ring[RING];
} lane;

struct lv_device {
  void *device;
  vk_handle layout, times, cache;
  lane lanes[lv_lanes];
#define MEMBER(result, name, arguments) result(VKAPI *name) arguments;
  FUNCTIONS(MEMBER)
};

static int find_functions(lv_device *d, void *instance) {
  get_proc_addr from_instance = (get_proc_addr)lv_loader();
  get_proc_addr get = (get_proc_addr)from_instance(instance, "vkGetDeviceProcAddr");
#define FIND(result, name, arguments)                                                                                   \
  d->name = (result(VKAPI *) arguments)get(d->device, "vk" #name);                                                     \
  if (d->name == NULL) return 0;
  FUNCTIONS(FIND)
  return 1;
}

static vk_result make_lane(lv_device *d, lane *l, void *queue, uint32_t family) {
  int computes = l == &d->lanes[lv_compute];
  l->queue = queue;
  l->stages = STAGE_TRANSFER | (computes ? STAGE_COMPUTE : 0);
  l->writes = ACCESS_TRANSFER_WRITE | (computes ? ACCESS_SHADER_WRITE : 0);
  l->all = l->writes | ACCESS_TRANSFER_READ | (computes ? ACCESS_SHADER_READ : 0);
  semaphore_type_info timeline = {{TYPE_SEMAPHORE_TYPE_CREATE_INFO, NULL}, 1, 0};
  semaphore_info semaphore = {{TYPE_SEMAPHORE_CREATE_INFO, &timeline}, 0};
  vk_result r = d->CreateSemaphore(d->device, &semaphore, NULL, &l->semaphore);
  for (int i = 0; i < RING && r == SUCCESS; i++) {
    command_pool_info pool = {.h = {TYPE_COMMAND_POOL_CREATE_INFO, NULL}, .flags = 1, .family = family}; // transient
    if ((r = d->CreateCommandPool(d->device, &pool, NULL, &l->ring[i].pool)) != SUCCESS) return r;
    command_buffer_info buffer = {{TYPE_COMMAND_BUFFER_ALLOCATE_INFO, NULL}, l->ring[i].pool, 0, 1};
    r = d->AllocateCommandBuffers(d->device, &buffer, &l->ring[i].commands);
  }
  return r;
}

lv_device *lv_open(void *instance, void *device, void *const queues[lv_lanes], const uint32_t families[lv_lanes], uint64_t layout,
                   int32_t *result) {
  lv_device *d = calloc(1, sizeof *d);
  *result = ERROR_OUT_OF_HOST_MEMORY;
  if (d == NULL) return NULL;
  d->device = device, d->layout = layout;
  if (!find_functions(d, instance)) {
    *result = -3; // VK_ERROR_INITIALIZATION_FAILED
    free(d);
    return NULL;
  }
  *result = SUCCESS;
  for (int i = 0; i < lv_lanes && *result == SUCCESS; i++) *result = make_lane(d, &d->lanes[i], queues[i], families[i]);
  if (*result != SUCCESS) {
    lv_close(d);
    return NULL;
  }
  return d;
}

void lv_close(lv_device *d) {
  for (lane *l = d->lanes; l < d->lanes + lv_lanes; l++) {
    for (int i = 0; i < RING; i++)
      if (l->ring[i].pool) d->DestroyCommandPool(d->device, l->ring[i].pool, NULL);
    if (l->semaphore) d->DestroySemaphore(d->device, l->semaphore, NULL);
  }
  if (d->cache) d->DestroyPipelineCache(d->device, d->cache, NULL);
  if (d->times) d->DestroyQueryPool(d->device, d->times, NULL);
  free(d);
}

uint64_t lv_address(lv_device *d, uint64_t buffer) {
  buffer_device_address_info info = {{TYPE_BUFFER_DEVICE_ADDRESS_INFO, NULL}, buffer};
  return d->GetBufferDeviceAddress(d->device, &info);
}

int32_t lv_pipeline(lv_device *d, const uint32_t *code, size_t size, const uint32_t *constants, uint32_t count, uint32_t whole,
                    uint32_t subgroup, uint64_t *pipeline) {
  enum { MOST = 32, COMPUTE = 0x20, FULL_SUBGROUPS = 2, DISPATCH_BASE = 0x10 };
  if (count > MOST) return -3; // VK_ERROR_INITIALIZATION_FAILED
  shader_module_info module = {{TYPE_SHADER_MODULE_CREATE_INFO, NULL}, 0, size, code};
  vk_handle made;
  vk_result r = d->CreateShaderModule(d->device, &module, NULL, &made);
  if (r != SUCCESS) return r;
  specialization_entry entries[MOST];
  for (uint32_t i = 0; i < count; i++) entries[i] = (specialization_entry){i, 4 * i, 4};
  specialization_info specialization = {count, entries, 4 * (size_t)count, constants};
  required_subgroup required = {{TYPE_REQUIRED_SUBGROUP, NULL}, subgroup};
  compute_pipeline_info info = {
      .h = {TYPE_COMPUTE_PIPELINE_CREATE_INFO, NULL},
      .flags = DISPATCH_BASE,
      .stage = {{TYPE_SHADER_STAGE_CREATE_INFO, subgroup ? &required : NULL}, whole ? FULL_SUBGROUPS : 0, COMPUTE, made,
                "main", &specialization},
      .layout = d->layout,
  };
  r = d->CreateComputePipelines(d->device, d->cache, 1, &info, NULL, pipeline);
  d->DestroyShaderModule(d->device, made, NULL);
  return r;
}

int32_t lv_open_cache(lv_device *d, const void *data, size_t size) {
  pipeline_cache_info info = {.h = {TYPE_PIPELINE_CACHE_CREATE_INFO, NULL}, .size = size, .data = data};
  return d->CreatePipelineCache(d->device, &info, NULL, &d->cache);
}

int32_t lv_cache_data(lv_device *d, void *data, size_t *size) { return d->GetPipelineCacheData(d->device, d->cache, size, data); }

int32_t lv_wait(lv_device *d, uint32_t lane, uint64_t when) {
  semaphore_wait_info info = {{TYPE_SEMAPHORE_WAIT_INFO, NULL}, 0, 1, &d->lanes[lane].semaphore, &when};
  return d->WaitSemaphores(d->device, &info, UINT64_MAX);
}

int32_t lv_make_times(lv_device *d, uint32_t count) {
  if (d->times) return SUCCESS;
  enum { TIMESTAMP = 2 };
  query_pool_info info = {.h = {TYPE_QUERY_POOL_CREATE_INFO, NULL}, .type = TIMESTAMP, .count = count};
  return d->CreateQueryPool(d->device, &info, NULL, &d->times);
}

int32_t lv_times(lv_device *d, uint32_t count, uint64_t *ticks) {
  enum { BITS_64 = 1, WAIT = 2 };
  return d->GetQueryPoolResults(d->device, d->times, 0, count, 8 * (size_t)count, ticks, 8, BITS_64 | WAIT);
}

// barrier makes all earlier writes seen by what follows.
static void barrier(lv_device *d, const lane *l, void *commands) {
  memory_barrier all = {{TYPE_MEMORY_BARRIER, NULL}, l->writes, l->all};
  d->CmdPipelineBarrier(commands, l->stages, l->stages, 0, 1, &all, 0, NULL, 0, NULL);
}

static void to_host(lv_device *d, const lane *l, void *commands) {
  memory_barrier all = {{TYPE_MEMORY_BARRIER, NULL}, l->writes, ACCESS_HOST_READ};
  d->CmdPipelineBarrier(commands, l->stages, STAGE_HOST, 0, 1, &all, 0, NULL, 0, NULL);
}

static void record(lv_device *d, const lane *l, void *commands, const lv_command *c, uint32_t count) {
  uint64_t bound = 0;
  barrier(d, l, commands); // on the submission before
  for (uint32_t i = 0; i < count; i++, c++) {
    if (c->barrier && i > 0) barrier(d, l, commands);
    switch (c->kind) {
    case lv_dispatch:
      if (c->pipeline != bound) d->CmdBindPipeline(commands, BIND_COMPUTE, c->pipeline);
      bound = c->pipeline;
      if (c->push_size > 0) d->CmdPushConstants(commands, d->layout, SHADER_STAGE_COMPUTE, 0, c->push_size, c->push);
      d->CmdDispatchBase(commands, c->base[0], c->base[1], c->base[2], c->groups[0], c->groups[1], c->groups[2]);
      break;
    case lv_copy: {
      buffer_copy region = {c->from_offset, c->to_offset, c->size};
      d->CmdCopyBuffer(commands, c->from, c->to, 1, &region);
      break;
    }
    case lv_fill:
      d->CmdFillBuffer(commands, c->to, c->to_offset, c->size, c->value);
      break;
    case lv_reset_times:
      d->CmdResetQueryPool(commands, d->times, 0, c->value);
      break;
    case lv_time:
      d->CmdWriteTimestamp(commands, STAGE_BOTTOM, d->times, c->value);
      break;
    }
  }
  to_host(d, l, commands);
}

int32_t lv_submit(lv_device *d, uint32_t number, uint64_t after, const lv_command *list, uint32_t count, uint64_t *when) {
  lane *l = &d->lanes[number], *other = &d->lanes[number == lv_compute ? lv_transfer : lv_compute];
  uint64_t next = l->submitted + 1;
  int slot = (int)(next % RING);
  void *commands = l->ring[slot].commands;
  vk_result r = lv_wait(d, number, l->ring[slot].when);
  if (r == SUCCESS) r = d->ResetCommandPool(d->device, l->ring[slot].pool, 0);
  command_begin_info begin = {{TYPE_COMMAND_BUFFER_BEGIN_INFO, NULL}, 1, NULL}; // one time
  if (r == SUCCESS) r = d->BeginCommandBuffer(commands, &begin);
  if (r != SUCCESS) return r;
  record(d, l, commands, list, count);
  if ((r = d->EndCommandBuffer(commands)) != SUCCESS) return r;
  uint32_t waits = after > 0;
  timeline_submit_info times = {{TYPE_TIMELINE_SUBMIT_INFO, NULL}, waits, &after, 1, &next};
  submit_info submit = {{TYPE_SUBMIT_INFO, &times}, waits, &other->semaphore, &l->stages, 1, &commands, 1, &l->semaphore};
  if ((r = d->QueueSubmit(l->queue, 1, &submit, 0)) != SUCCESS) return r;
  l->submitted = l->ring[slot].when = *when = next;
  return SUCCESS;
}
