//go:build cgo && (linux || windows || freebsd) && (amd64 || arm64)

#include "driver.h"
#include "spec.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

static get_proc_addr instance_proc;

void *lv_loader(void) {
  if (instance_proc == NULL) {
#ifdef _WIN32
    HMODULE library = LoadLibraryA("vulkan-1.dll");
    if (library != NULL) instance_proc = (get_proc_addr)(void *)GetProcAddress(library, "vkGetInstanceProcAddr");
#else
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libvulkan.so", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) instance_proc = (get_proc_addr)dlsym(library, "vkGetInstanceProcAddr");
#endif
  }
  return (void *)instance_proc;
}

// link appends a structure to a chain.
static void link(header **last, void *structure, uint32_t type) {
  header *h = structure;
  h->type = type;
  (*last)->next = h;
  *last = h;
}

static void query_matrices(void *instance, void *physical, lv_info *info) {
  typedef vk_result(VKAPI * get_matrices)(void *, uint32_t *, matrix_properties *);
  get_matrices get = (get_matrices)instance_proc(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  if (get == NULL) return;
  matrix_properties list[lv_max_matrices];
  memset(list, 0, sizeof list);
  for (int i = 0; i < lv_max_matrices; i++) list[i].h.type = TYPE_COOPERATIVE_MATRIX_PROPERTIES;
  uint32_t count = lv_max_matrices;
  if (get(physical, &count, list) < 0) return; // an incomplete list will do
  for (uint32_t i = 0; i < count; i++) {
    matrix_properties *p = &list[i];
    info->matrix_list[info->matrices++] = (lv_matrix){p->m, p->n, p->k, p->a, p->b, p->c, p->result, p->scope};
  }
}

static void query_features(void *instance, void *physical, uint32_t extensions, int has_13, lv_info *info) {
  typedef void(VKAPI * get_features)(void *, features_2 *);
  features_2 f = {.h = {TYPE_FEATURES_2, NULL}};
  features_11 f11 = {0};
  features_12 f12 = {0};
  features_13 f13 = {0};
  matrix_features matrix = {0};
  bfloat16_features bfloat16 = {0};
  executable_features executable = {0};
  header *last = &f.h;
  link(&last, &f11, TYPE_FEATURES_11);
  link(&last, &f12, TYPE_FEATURES_12);
  if (has_13) link(&last, &f13, TYPE_FEATURES_13);
  if (extensions & LV_MATRIX) link(&last, &matrix, TYPE_COOPERATIVE_MATRIX_FEATURES);
  if (extensions & LV_BFLOAT16) link(&last, &bfloat16, TYPE_BFLOAT16_FEATURES);
  if (extensions & LV_STATISTICS) link(&last, &executable, TYPE_EXECUTABLE_FEATURES);
  ((get_features)instance_proc(instance, "vkGetPhysicalDeviceFeatures2"))(physical, &f);
  info->float64 = f.shader_float64;
  info->int64 = f.shader_int64;
  info->int16 = f.shader_int16;
  info->storage16 = f11.storage_buffer_16bit;
  info->storage8 = f12.storage_buffer_8bit;
  info->float16 = f12.shader_float16;
  info->int8 = f12.shader_int8;
  info->scalar_layout = f12.scalar_block_layout;
  info->extended_types = f12.subgroup_extended_types;
  info->timeline = f12.timeline_semaphore;
  info->address = f12.buffer_device_address;
  info->memory_model = f12.memory_model;
  info->size_control = f13.subgroup_size_control;
  info->full_subgroups = f13.compute_full_subgroups;
  info->maintenance4 = f13.maintenance4;
  info->matrix = matrix.cooperative_matrix;
  info->bfloat16 = bfloat16.type;
  info->bfloat16_matrix = bfloat16.cooperative_matrix;
  info->statistics = executable.info;
}

static void query_properties(void *instance, void *physical, int has_13, lv_info *info) {
  typedef void(VKAPI * get_properties)(void *, properties_2 *);
  properties_2 p = {.h = {TYPE_PROPERTIES_2, NULL}};
  properties_11 p11 = {0};
  properties_12 p12 = {0};
  properties_13 p13 = {0};
  header *last = &p.h;
  link(&last, &p11, TYPE_PROPERTIES_11);
  link(&last, &p12, TYPE_PROPERTIES_12);
  if (has_13) link(&last, &p13, TYPE_PROPERTIES_13);
  ((get_properties)instance_proc(instance, "vkGetPhysicalDeviceProperties2"))(physical, &p);
  info->driver_id = p12.driver_id;
  memcpy(info->driver_name, p12.driver_name, sizeof info->driver_name);
  memcpy(info->driver_info, p12.driver_info, sizeof info->driver_info);
  info->subgroup_size = p11.subgroup_size;
  info->subgroup_operations = p11.subgroup_operations;
  memcpy(info->driver_uuid, p11.driver_uuid, sizeof info->driver_uuid);
  info->max_allocation = p11.max_memory_allocation;
  info->min_subgroup_size = has_13 ? p13.min_subgroup_size : p11.subgroup_size;
  info->max_subgroup_size = has_13 ? p13.max_subgroup_size : p11.subgroup_size;
  info->size_stages = p13.required_size_stages;
  info->mixed_dot_products = p13.dot_products[5]; // integerDotProduct4x8BitPackedMixedSignednessAccelerated
  info->max_buffer = has_13 ? p13.max_buffer_size : p11.max_memory_allocation;
}

static void query_budget(void *instance, void *physical, lv_info *info) {
  typedef void(VKAPI * get_memory)(void *, memory_properties_2 *);
  memory_budget budget = {.h = {TYPE_MEMORY_BUDGET, NULL}};
  memory_properties_2 memory = {.h = {TYPE_MEMORY_PROPERTIES_2, &budget}};
  ((get_memory)instance_proc(instance, "vkGetPhysicalDeviceMemoryProperties2"))(physical, &memory);
  memcpy(info->heap_budget, budget.budget, sizeof info->heap_budget);
  memcpy(info->heap_usage, budget.usage, sizeof info->heap_usage);
}

// version 1.3 as Vulkan encodes it
enum { API_1_3 = (1 << 22) | (3 << 12) };

void lv_query(void *instance, void *physical, uint32_t api, uint32_t extensions, lv_info *info) {
  memset(info, 0, sizeof *info);
  query_features(instance, physical, extensions, api >= API_1_3, info);
  query_properties(instance, physical, api >= API_1_3, info);
  if (extensions & LV_BUDGET) query_budget(instance, physical, info);
  if (info->matrix) query_matrices(instance, physical, info);
}

// chain holds all features of a device; its first structure begins it.
typedef struct {
  features_2 f;
  features_11 f11;
  features_12 f12;
  features_13 f13;
  matrix_features matrix;
  bfloat16_features bfloat16;
  executable_features executable;
} chain;

void *lv_enable(const lv_info *info, uint32_t api) {
  chain *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  header *last = &c->f.h;
  c->f.h.type = TYPE_FEATURES_2;
  link(&last, &c->f11, TYPE_FEATURES_11);
  link(&last, &c->f12, TYPE_FEATURES_12);
  if (api >= API_1_3) link(&last, &c->f13, TYPE_FEATURES_13);
  if (info->matrix) link(&last, &c->matrix, TYPE_COOPERATIVE_MATRIX_FEATURES);
  if (info->bfloat16) link(&last, &c->bfloat16, TYPE_BFLOAT16_FEATURES);
  if (info->statistics) link(&last, &c->executable, TYPE_EXECUTABLE_FEATURES);
  c->f.shader_float64 = info->float64;
  c->f.shader_int64 = info->int64;
  c->f.shader_int16 = info->int16;
  c->f11.storage_buffer_16bit = info->storage16;
  c->f12.storage_buffer_8bit = info->storage8;
  c->f12.shader_float16 = info->float16;
  c->f12.shader_int8 = info->int8;
  c->f12.scalar_block_layout = info->scalar_layout;
  c->f12.subgroup_extended_types = info->extended_types;
  c->f12.timeline_semaphore = info->timeline;
  c->f12.buffer_device_address = info->address;
  c->f12.memory_model = info->memory_model;
  c->f13.subgroup_size_control = info->size_control;
  c->f13.compute_full_subgroups = info->full_subgroups;
  c->f13.maintenance4 = info->maintenance4;
  c->matrix.cooperative_matrix = info->matrix;
  c->bfloat16.type = info->bfloat16;
  c->bfloat16.cooperative_matrix = info->bfloat16_matrix;
  c->executable.info = info->statistics;
  return c;
}

void lv_free_chain(void *chain) { free(chain); }

void *lv_address_flag(void) {
  static memory_allocate_flags address = {{TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL}, 2, 0};
  return &address;
}

// Messages come from whatever thread calls Vulkan; a spin lock keeps them whole.
static atomic_flag messages_lock = ATOMIC_FLAG_INIT;
static char *messages;

static vk_bool VKAPI on_message(uint32_t severity, uint32_t types, const debug_message *m, void *user) {
  (void)severity, (void)types, (void)user;
  while (atomic_flag_test_and_set(&messages_lock)) {
  }
  size_t old = messages ? strlen(messages) : 0, more = strlen(m->message);
  char *all = realloc(messages, old + more + 2);
  if (all != NULL) {
    messages = all;
    memcpy(all + old, m->message, more);
    memcpy(all + old + more, "\n", 2);
  }
  atomic_flag_clear(&messages_lock);
  return 0;
}

char *lv_messages(void) {
  while (atomic_flag_test_and_set(&messages_lock)) {
  }
  char *m = messages;
  messages = NULL;
  atomic_flag_clear(&messages_lock);
  return m;
}

static debug_messenger_info messenger = {
    .h = {TYPE_DEBUG_MESSENGER_CREATE_INFO, NULL},
    .severities = 0x1100, // warnings and errors
    .types = 2,           // validation
    .callback = on_message,
};

void *lv_validation_chain(void) {
  static const uint32_t enabled[] = {4}; // synchronization
  static validation_features features = {{TYPE_VALIDATION_FEATURES, &messenger}, 1, enabled, 0, NULL};
  return &features;
}

int32_t lv_messenger(void *instance) {
  typedef vk_result(VKAPI * create_messenger)(void *, const debug_messenger_info *, const void *, vk_handle *);
  create_messenger create = (create_messenger)instance_proc(instance, "vkCreateDebugUtilsMessengerEXT");
  if (create == NULL) return -7; // VK_ERROR_EXTENSION_NOT_PRESENT
  vk_handle handle;
  return create(instance, &messenger, NULL, &handle);
}
