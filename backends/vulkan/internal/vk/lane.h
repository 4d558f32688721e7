// An open device as its C files see it.
#ifndef LORAEDGE_VK_LANE_H
#define LORAEDGE_VK_LANE_H

#include "driver.h"
#include "spec.h"

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
  uint32_t keep_statistics;
  get_proc_addr proc;
  lane lanes[lv_lanes];
#define MEMBER(result, name, arguments) result(VKAPI *name) arguments;
  FUNCTIONS(MEMBER)
};

#endif
