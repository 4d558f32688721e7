// What this package uses of Vulkan 1.2, 1.3 and extensions, as the
// specification declares it (https://registry.khronos.org/vulkan/specs/).
// Handles are pointers or 64-bit numbers, so that nothing here conflicts with
// the older header of github.com/vulkan-go/vulkan.
#ifndef LORAEDGE_VK_SPEC_H
#define LORAEDGE_VK_SPEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define VKAPI __stdcall
#else
#define VKAPI
#endif

typedef int32_t vk_result;
typedef uint32_t vk_bool;
typedef uint64_t vk_handle;

enum {
  SUCCESS = 0,
  ERROR_OUT_OF_HOST_MEMORY = -1,
};

// VkStructureType
enum {
  TYPE_SUBMIT_INFO = 4,
  TYPE_SEMAPHORE_CREATE_INFO = 9,
  TYPE_QUERY_POOL_CREATE_INFO = 11,
  TYPE_SHADER_MODULE_CREATE_INFO = 16,
  TYPE_PIPELINE_CACHE_CREATE_INFO = 17,
  TYPE_SHADER_STAGE_CREATE_INFO = 18,
  TYPE_COMPUTE_PIPELINE_CREATE_INFO = 29,
  TYPE_COMMAND_POOL_CREATE_INFO = 39,
  TYPE_COMMAND_BUFFER_ALLOCATE_INFO = 40,
  TYPE_COMMAND_BUFFER_BEGIN_INFO = 42,
  TYPE_MEMORY_BARRIER = 46,
  TYPE_FEATURES_11 = 49,
  TYPE_PROPERTIES_11 = 50,
  TYPE_FEATURES_12 = 51,
  TYPE_PROPERTIES_12 = 52,
  TYPE_FEATURES_13 = 53,
  TYPE_PROPERTIES_13 = 54,
  TYPE_FEATURES_2 = 1000059000,
  TYPE_PROPERTIES_2 = 1000059001,
  TYPE_MEMORY_PROPERTIES_2 = 1000059006,
  TYPE_MEMORY_ALLOCATE_FLAGS_INFO = 1000060000,
  TYPE_DEBUG_MESSENGER_CREATE_INFO = 1000128004,
  TYPE_BFLOAT16_FEATURES = 1000141000,
  TYPE_SEMAPHORE_TYPE_CREATE_INFO = 1000207002,
  TYPE_TIMELINE_SUBMIT_INFO = 1000207003,
  TYPE_SEMAPHORE_WAIT_INFO = 1000207004,
  TYPE_REQUIRED_SUBGROUP = 1000225001,
  TYPE_MEMORY_BUDGET = 1000237000,
  TYPE_BUFFER_DEVICE_ADDRESS_INFO = 1000244001,
  TYPE_VALIDATION_FEATURES = 1000247000,
  TYPE_EXECUTABLE_FEATURES = 1000269000,
  TYPE_PIPELINE_INFO = 1000269001,
  TYPE_EXECUTABLE_INFO = 1000269003,
  TYPE_EXECUTABLE_STATISTIC = 1000269004,
  TYPE_COOPERATIVE_MATRIX_FEATURES = 1000506000,
  TYPE_COOPERATIVE_MATRIX_PROPERTIES = 1000506001,
};

// The beginning of every structure that can be in a pNext chain.
typedef struct {
  uint32_t type;
  void *next;
} header;

// VkPhysicalDeviceFeatures2
typedef struct {
  header h;
  vk_bool before_float64[39];
  vk_bool shader_float64, shader_int64, shader_int16;
  vk_bool after_int16[13];
} features_2;

// VkPhysicalDeviceVulkan11Features
typedef struct {
  header h;
  vk_bool storage_buffer_16bit, uniform_16bit, rest[10];
} features_11;

// VkPhysicalDeviceVulkan12Features
typedef struct {
  header h;
  vk_bool before_8bit[2];
  vk_bool storage_buffer_8bit, uniform_8bit, push_8bit;
  vk_bool int64_atomics, shared_int64_atomics;
  vk_bool shader_float16, shader_int8;
  vk_bool before_scalar_layout[22];
  vk_bool scalar_block_layout;
  vk_bool imageless_framebuffer, uniform_standard_layout;
  vk_bool subgroup_extended_types;
  vk_bool separate_depth_stencil, host_query_reset;
  vk_bool timeline_semaphore;
  vk_bool buffer_device_address, address_capture_replay, address_multi_device;
  vk_bool memory_model, memory_model_device_scope, memory_model_chains;
  vk_bool rest[3];
} features_12;

// VkPhysicalDeviceVulkan13Features
typedef struct {
  header h;
  vk_bool before_size_control[7];
  vk_bool subgroup_size_control, compute_full_subgroups;
  vk_bool rest[5];
  vk_bool maintenance4;
} features_13;

// VkPhysicalDeviceCooperativeMatrixFeaturesKHR
typedef struct {
  header h;
  vk_bool cooperative_matrix, robust_access;
} matrix_features;

// VkPhysicalDeviceShaderBfloat16FeaturesKHR
typedef struct {
  header h;
  vk_bool type, dot_product, cooperative_matrix;
} bfloat16_features;

// VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR
typedef struct {
  header h;
  vk_bool info;
} executable_features;

// VkPhysicalDeviceVulkan11Properties
typedef struct {
  header h;
  uint8_t device_uuid[16], driver_uuid[16], device_luid[8];
  uint32_t node_mask;
  vk_bool luid_valid;
  uint32_t subgroup_size, subgroup_stages, subgroup_operations;
  vk_bool quad_in_all_stages;
  uint32_t point_clipping, multiview_views, multiview_instance;
  vk_bool protected_no_fault;
  uint32_t max_per_set_descriptors;
  uint64_t max_memory_allocation;
} properties_11;

// VkPhysicalDeviceVulkan12Properties, of which only the beginning is read.
typedef struct {
  header h;
  uint32_t driver_id;
  char driver_name[256], driver_info[256];
  uint8_t rest[512];
} properties_12;

// VkPhysicalDeviceVulkan13Properties
typedef struct {
  header h;
  uint32_t min_subgroup_size, max_subgroup_size, max_workgroup_subgroups, required_size_stages;
  uint32_t inline_uniforms[6];
  vk_bool dot_products[30];
  uint64_t texel_buffers[4];
  uint64_t max_buffer_size;
} properties_13;

// VkPhysicalDeviceProperties2; the limits are read by github.com/vulkan-go/vulkan.
typedef struct {
  header h;
  uint64_t rest[128];
} properties_2;

// VkPhysicalDeviceMemoryProperties2
typedef struct {
  header h;
  uint64_t rest[80];
} memory_properties_2;

// VkPhysicalDeviceMemoryBudgetPropertiesEXT
typedef struct {
  header h;
  uint64_t budget[16], usage[16];
} memory_budget;

// VkCooperativeMatrixPropertiesKHR
typedef struct {
  header h;
  uint32_t m, n, k, a, b, c, result;
  vk_bool saturating;
  uint32_t scope;
} matrix_properties;

// VkMemoryAllocateFlagsInfo
typedef struct {
  header h;
  uint32_t flags, device_mask;
} memory_allocate_flags;

// VkPipelineShaderStageRequiredSubgroupSizeCreateInfo
typedef struct {
  header h;
  uint32_t size;
} required_subgroup;

// VkBufferDeviceAddressInfo
typedef struct {
  header h;
  vk_handle buffer;
} buffer_device_address_info;

// VkSemaphoreTypeCreateInfo, VkSemaphoreCreateInfo
typedef struct {
  header h;
  uint32_t semaphore_type;
  uint64_t initial;
} semaphore_type_info;
typedef struct {
  header h;
  uint32_t flags;
} semaphore_info;

// VkPipelineCacheCreateInfo
typedef struct {
  header h;
  uint32_t flags;
  size_t size;
  const void *data;
} pipeline_cache_info;

// VkQueryPoolCreateInfo
typedef struct {
  header h;
  uint32_t flags, type, count, statistics;
} query_pool_info;

// VkSemaphoreWaitInfo
typedef struct {
  header h;
  uint32_t flags, count;
  const vk_handle *semaphores;
  const uint64_t *values;
} semaphore_wait_info;

// VkTimelineSemaphoreSubmitInfo, VkSubmitInfo
typedef struct {
  header h;
  uint32_t wait_count;
  const uint64_t *waits;
  uint32_t signal_count;
  const uint64_t *signals;
} timeline_submit_info;
typedef struct {
  header h;
  uint32_t wait_count;
  const vk_handle *waits;
  const uint32_t *wait_stages;
  uint32_t command_count;
  void *const *commands;
  uint32_t signal_count;
  const vk_handle *signals;
} submit_info;

// VkCommandPoolCreateInfo, VkCommandBufferAllocateInfo, VkCommandBufferBeginInfo
typedef struct {
  header h;
  uint32_t flags, family;
} command_pool_info;
typedef struct {
  header h;
  vk_handle pool;
  uint32_t level, count;
} command_buffer_info;
typedef struct {
  header h;
  uint32_t flags;
  const void *inheritance;
} command_begin_info;

// VkMemoryBarrier, VkBufferCopy
typedef struct {
  header h;
  uint32_t from, to;
} memory_barrier;
typedef struct {
  uint64_t from, to, size;
} buffer_copy;

// VkDebugUtilsMessengerCallbackDataEXT, of which only the beginning is read.
typedef struct {
  header h;
  uint32_t flags;
  const char *id_name;
  int32_t id;
  const char *message;
} debug_message;
typedef vk_bool(VKAPI *debug_callback)(uint32_t severity, uint32_t types, const debug_message *, void *user);

// VkDebugUtilsMessengerCreateInfoEXT
typedef struct {
  header h;
  uint32_t flags, severities, types;
  debug_callback callback;
  void *user;
} debug_messenger_info;

// VkValidationFeaturesEXT
typedef struct {
  header h;
  uint32_t enabled_count;
  const uint32_t *enabled;
  uint32_t disabled_count;
  const uint32_t *disabled;
} validation_features;

enum {
  STAGE_COMPUTE = 0x800,
  STAGE_TRANSFER = 0x1000,
  STAGE_BOTTOM = 0x2000,
  STAGE_HOST = 0x4000,
  ACCESS_SHADER_READ = 0x20,
  ACCESS_SHADER_WRITE = 0x40,
  ACCESS_TRANSFER_READ = 0x800,
  ACCESS_TRANSFER_WRITE = 0x1000,
  ACCESS_HOST_READ = 0x2000,
  BIND_COMPUTE = 1,
  SHADER_STAGE_COMPUTE = 0x20,
};

// VkShaderModuleCreateInfo
typedef struct {
  header h;
  uint32_t flags;
  size_t size;
  const uint32_t *code;
} shader_module_info;

// VkSpecializationMapEntry
typedef struct {
  uint32_t id, offset;
  size_t size;
} specialization_entry;

// VkSpecializationInfo
typedef struct {
  uint32_t count;
  const specialization_entry *entries;
  size_t size;
  const void *data;
} specialization_info;

// VkPipelineShaderStageCreateInfo
typedef struct {
  header h;
  uint32_t flags, stage;
  vk_handle module;
  const char *name;
  const specialization_info *specialization;
} shader_stage_info;

// VkComputePipelineCreateInfo
typedef struct {
  header h;
  uint32_t flags;
  shader_stage_info stage;
  vk_handle layout, base;
  int32_t base_index;
} compute_pipeline_info;

// VkPipelineInfoKHR, VkPipelineExecutableInfoKHR, VkPipelineExecutableStatisticKHR
typedef struct {
  header h;
  vk_handle pipeline;
} pipeline_info;
typedef struct {
  header h;
  vk_handle pipeline;
  uint32_t index;
} executable_info;
typedef struct {
  header h;
  char name[256], description[256];
  uint32_t format; // STATISTIC_BOOL …
  union {
    vk_bool b;
    int64_t i;
    uint64_t u;
    double f;
  } value;
} executable_statistic;
enum { STATISTIC_BOOL, STATISTIC_INT64, STATISTIC_UINT64, STATISTIC_FLOAT64 };

typedef void (*vk_function)(void);
typedef vk_function(VKAPI *get_proc_addr)(void *object, const char *name);

#endif
