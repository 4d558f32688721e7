//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

#include "lane.h"

#include <stdlib.h>

static int find_functions(lv_device *d, void *instance) {
  get_proc_addr from_instance = (get_proc_addr)lv_loader();
  d->proc = (get_proc_addr)from_instance(instance, "vkGetDeviceProcAddr");
#define FIND(result, name, arguments)                                                                                   \
  d->name = (result(VKAPI *) arguments)d->proc(d->device, "vk" #name);                                                  \
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
