//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

#include "lane.h"

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
