//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

#include "lane.h"

#include <stdlib.h>
#include <string.h>

int32_t lv_pipeline(lv_device *d, const uint32_t *code, size_t size, const uint32_t *constants, uint32_t count, uint32_t whole,
                    uint32_t subgroup, uint64_t *pipeline) {
  enum { MOST = 32, COMPUTE = 0x20, FULL_SUBGROUPS = 2, DISPATCH_BASE = 0x10, CAPTURE_STATISTICS = 0x40 };
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
      .flags = DISPATCH_BASE | (d->keep_statistics ? CAPTURE_STATISTICS : 0),
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

void lv_keep_statistics(lv_device *d) { d->keep_statistics = 1; }

// number is a statistic's value, whatever its type.
static double number(const executable_statistic *s) {
  switch (s->format) {
  case STATISTIC_BOOL: return s->value.b;
  case STATISTIC_INT64: return (double)s->value.i;
  case STATISTIC_UINT64: return (double)s->value.u;
  default: return s->value.f;
  }
}

int32_t lv_variants(lv_device *d, uint64_t pipeline, uint32_t *count) {
  typedef vk_result(VKAPI * get_variants)(void *, const pipeline_info *, uint32_t *, void *);
  get_variants get = (get_variants)d->proc(d->device, "vkGetPipelineExecutablePropertiesKHR");
  if (get == NULL) return -7; // VK_ERROR_EXTENSION_NOT_PRESENT
  pipeline_info info = {{TYPE_PIPELINE_INFO, NULL}, pipeline};
  return get(d->device, &info, count, NULL);
}

int32_t lv_statistics(lv_device *d, uint64_t pipeline, uint32_t variant, lv_statistic list[lv_max_statistics], uint32_t *count) {
  typedef vk_result(VKAPI * get_statistics)(void *, const executable_info *, uint32_t *, executable_statistic *);
  get_statistics get = (get_statistics)d->proc(d->device, "vkGetPipelineExecutableStatisticsKHR");
  if (get == NULL) return -7; // VK_ERROR_EXTENSION_NOT_PRESENT
  executable_statistic *all = calloc(lv_max_statistics, sizeof *all);
  if (all == NULL) return ERROR_OUT_OF_HOST_MEMORY;
  for (int i = 0; i < lv_max_statistics; i++) all[i].h.type = TYPE_EXECUTABLE_STATISTIC;
  executable_info info = {{TYPE_EXECUTABLE_INFO, NULL}, pipeline, variant};
  *count = lv_max_statistics;
  vk_result r = get(d->device, &info, count, all);
  for (uint32_t i = 0; r >= 0 && i < *count; i++) {
    memcpy(list[i].name, all[i].name, sizeof list[i].name);
    list[i].value = number(&all[i]);
  }
  free(all);
  return r < 0 ? r : SUCCESS; // an incomplete list will do
}
