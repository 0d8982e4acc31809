/* The C ABI of offbit-reflow packs. Generated from the Rust definitions; do not edit. */

#ifndef REFLOW_PACK_H
#define REFLOW_PACK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// The major version of the ABI: both sides must have the same.
#define REFLOW_PACK_ABI_MAJOR 1

// The minor version of the ABI: the runtime's must be the pack's or later.
#define REFLOW_PACK_ABI_MINOR 3

// Both in one number: `major << 16 | minor`, as a manifest and `reflow_pack_abi_version()` say it.
#define REFLOW_PACK_ABI_VERSION ((REFLOW_PACK_ABI_MAJOR << 16) | REFLOW_PACK_ABI_MINOR)

// A time-out in milliseconds that never comes.
#define REFLOW_FOREVER UINT64_MAX

// In place of a size that nobody knows.
#define REFLOW_UNKNOWN_SIZE UINT64_MAX

// In place of the index of a port that does not exist.
#define REFLOW_NO_PORT UINT32_MAX

// A message without data.
#define REFLOW_FLOW 0

// A truth value, in `payload.integer` as 0 or 1.
#define REFLOW_BOOLEAN 1

// A whole number, in `payload.integer`.
#define REFLOW_INTEGER 2

// A float, in `payload.number`.
#define REFLOW_FLOAT 3

// Text: read it with `message_text`. From here on a message holds a handle.
#define REFLOW_STRING 4

// JSON-shaped data: read it with `message_value`.
#define REFLOW_OBJECT 5

// A list of JSON-shaped data: read it with `message_value`.
#define REFLOW_ARRAY 6

// Raw bytes: read them with `message_bytes`.
#define REFLOW_BYTES 7

// An error as data: read it with `message_text`.
#define REFLOW_ERROR 8

// The readable end of a stream: take it with `message_take_stream`.
#define REFLOW_STREAM 9

// JSON-shaped data that may be absent: read it with `message_value`.
#define REFLOW_OPTIONAL 10

// JSON-shaped data that reports something: read it with `message_value`.
#define REFLOW_EVENT 11

// Bytes in a private encoding: read them with `message_bytes`.
#define REFLOW_ENCODED 12

// Anything: `message_value` reads it when it is JSON-shaped; pass it on otherwise.
#define REFLOW_ANY 13

// The address of a port in another network.
#define REFLOW_REMOTE_REFERENCE 14

// Something that happened to another network.
#define REFLOW_NETWORK_EVENT 15

// JSON `null`.
#define REFLOW_VALUE_NULL 0

// A truth value, in `scalar.integer` as 0 or 1.
#define REFLOW_VALUE_BOOLEAN 1

// A whole number, in `scalar.integer`.
#define REFLOW_VALUE_INTEGER 2

// A whole number above the range of the signed ones, in `scalar.unsigned_integer`.
#define REFLOW_VALUE_UNSIGNED 3

// A float, in `scalar.number`; may be NaN or infinite.
#define REFLOW_VALUE_FLOAT 4

// Text, in `text`.
#define REFLOW_VALUE_STRING 5

// A list; `text.len` is the number of items.
#define REFLOW_VALUE_ARRAY 6

// An object; `text.len` is the number of members.
#define REFLOW_VALUE_OBJECT 7

// What follows in the stream: an Object message with `content_type`, `size_hint` and `metadata`, each optional.
#define REFLOW_FRAME_BEGIN 0

// A piece of the data: a Bytes message.
#define REFLOW_FRAME_DATA 1

// The writer has said everything: a Flow message.
#define REFLOW_FRAME_END 2

// The writer had to stop: a String message that says why.
#define REFLOW_FRAME_ERROR 3

// An actor that computes and never waits.
#define REFLOW_SYNC 0

// An actor whose calls may block; each runs on a thread made for waiting.
#define REFLOW_BLOCKING 1

// An actor whose calls may answer `REFLOW_PENDING` and go on in `resume`.
#define REFLOW_ASYNC 2

// Since 1.2. An actor that computes for long; each call runs on the compute pool of the runtime.
#define REFLOW_HEAVY 3

// A value in the making, for one thread at a time.
typedef struct ReflowBuilder ReflowBuilder;

// A node of a running network. May be used from any thread.
typedef struct ReflowNode ReflowNode;

// The reading end of a stream, for one thread at a time.
typedef struct ReflowReader ReflowReader;

// Where a pack registers its components while its entry point runs.
typedef struct ReflowRegistry ReflowRegistry;

// JSON-shaped data that never changes. May be used from any thread.
typedef struct ReflowValue ReflowValue;

// The writing end of a stream. May be used from any thread.
typedef struct ReflowWriter ReflowWriter;

// How a call went.
typedef int32_t ReflowStatus;

// Text in UTF-8, not terminated by a zero.
typedef struct ReflowStr {
  // The first byte; anything when `len` is 0.
  const char *ptr;
  // The number of bytes.
  size_t len;
} ReflowStr;

// Who a pack is.
typedef struct ReflowPackInfo {
  // `sizeof(ReflowPackInfo)` where the pack was built.
  uint32_t size;
  // `REFLOW_PACK_ABI_VERSION` where the pack was built.
  uint32_t abi_version;
  // The name; the manifest's wins when there is one.
  struct ReflowStr name;
  // The version, likewise.
  struct ReflowStr version;
} ReflowPackInfo;

// The payload of a [`ReflowMessage`].
typedef union ReflowPayload {
  // Of a truth value or a whole number.
  int64_t integer;
  // Of a float.
  double number;
  // Of every kind from `REFLOW_STRING` on: private to the runtime. It may be moved, as a whole.
  void *handle[3];
} ReflowPayload;

// A message: a kind, and a number or a handle that may be used from any thread. Copying it does not make another owner;
// `message_clone` does.
typedef struct ReflowMessage {
  // `REFLOW_FLOW` … `REFLOW_NETWORK_EVENT`; a later minor may add more.
  uint32_t kind;
  // 0.
  uint32_t reserved;
  // The data.
  union ReflowPayload payload;
} ReflowMessage;

// An input of a tick.
typedef struct ReflowInput {
  // The index of the inport.
  uint32_t port;
  // 0.
  uint32_t reserved;
  // The message; borrowed for as long as the tick.
  struct ReflowMessage message;
} ReflowInput;

// One tick, borrowed by the actor's function that it is given to. What follows these fields is private to the runtime.
typedef struct ReflowTick {
  // `sizeof(ReflowTick)` in the runtime.
  uint32_t size;
  // How many inputs there are.
  uint32_t input_count;
  // The inputs, lent for as long as the tick; one that was taken (`tick_take`) may not be looked at any more.
  const struct ReflowInput *inputs;
  // The node, lent for as long as the tick.
  const struct ReflowNode *node;
} ReflowTick;

// The functions of an actor. They are called one at a time, though not always from the same thread.
typedef struct ReflowActorTable {
  // `sizeof(ReflowActorTable)` where the pack was built.
  uint32_t size;
  // `REFLOW_SYNC`, `REFLOW_BLOCKING`, `REFLOW_ASYNC` or `REFLOW_HEAVY`.
  uint32_t style;
  // Once, before the first tick. May be null.
  ReflowStatus (*setup)(void *data, struct ReflowTick *tick);
  // One tick. `REFLOW_OK` commits: what was emitted leaves together. Everything but `REFLOW_OK` and
  // `REFLOW_PENDING` is a failure; `tick_fail` tells which.
  ReflowStatus (*run)(void *data, struct ReflowTick *tick);
  // Once, when no further tick can come; may still send. May be null.
  ReflowStatus (*finalize)(void *data, struct ReflowTick *tick);
  // Goes on with a call that answered `REFLOW_PENDING`; for async actors.
  ReflowStatus (*resume)(void *data, struct ReflowTick *tick);
  // Ends a call that answered `REFLOW_PENDING` without going on: its tick is gone. For async actors; may be null.
  void (*cancel)(void *data);
  // Once, at the very end, however the run ended: frees `data`.
  void (*destroy)(void *data);
  // Since 1.1. A signal from outside, between ticks. May be null.
  ReflowStatus (*on_signal)(void *data,
                            struct ReflowTick *tick,
                            struct ReflowStr kind,
                            const struct ReflowValue *value);
} ReflowActorTable;

// The actor of one node.
typedef struct ReflowActor {
  // What the functions are called with.
  void *data;
  // The functions; valid for as long as the process.
  const struct ReflowActorTable *table;
} ReflowActor;

// A template that nodes are made from.
typedef struct ReflowComponent {
  // `sizeof(ReflowComponent)` where the pack was built.
  uint32_t size;
  // 0.
  uint32_t reserved;
  // A JSON object: `id`, `inports`, `outports`, `firing`, `source`, `config_schema`, `title`, `category`, `summary`,
  // `text`, `open_ports`. A property of `config_schema` that is `writeOnly` holds a secret: its value is kept out of everything
  // that the runtime tells.
  struct ReflowStr descriptor;
  // What `create` is called with.
  void *context;
  // Makes the actor of one node into `actor`. When `config` is not what the component needs, answers
  // `REFLOW_FAILED` after telling why with `create_fail`. May be called from several threads at once.
  ReflowStatus (*create)(void *context,
                         const struct ReflowValue *config,
                         struct ReflowActor *actor,
                         void *errors);
  // Since 1.3. What depends on the config of a node and on its connections, asked when a network starts: an owned object with
  // `firing` (as in the descriptor) and `concurrency` (how many ticks of the node run at once), each optional; or null.
  // `connected` is the list of the inports that packets can come to. May be null.
  struct ReflowValue *(*adapt)(void *context,
                               const struct ReflowValue *config,
                               const struct ReflowValue *connected);
  // Since 1.3. Gives `context` back, for a component that a source has found. May be null.
  void (*release)(void *context);
} ReflowComponent;

// Why a tick did not succeed.
typedef struct ReflowFailure {
  // `sizeof(ReflowFailure)` where the pack was built.
  uint32_t size;
  // 1: another attempt is pointless. 0: it is worth one. −1: the node's policy decides.
  int32_t permanent;
  // What went wrong, for people.
  struct ReflowStr message;
  // A short stable word for programs; `failed` when empty.
  struct ReflowStr reason;
} ReflowFailure;

// Somebody to wake, owned. Both sides make them; `wake` may be called any number of times, from any thread.
typedef struct ReflowWaker {
  // What `wake` and `drop` are called with.
  void *data;
  // Wakes.
  void (*wake)(void *data);
  // Gives `data` back.
  void (*drop)(void *data);
} ReflowWaker;

// Raw bytes.
typedef struct ReflowBytes {
  // The first byte; anything when `len` is 0.
  const uint8_t *ptr;
  // The number of bytes.
  size_t len;
} ReflowBytes;

// The number in a [`ReflowDatum`].
typedef union ReflowScalar {
  // Of a truth value or a whole number.
  int64_t integer;
  // Of a large whole number.
  uint64_t unsigned_integer;
  // Of a float.
  double number;
} ReflowScalar;

// One level of a value: a scalar, a text, or the size of a list or object.
typedef struct ReflowDatum {
  // `REFLOW_VALUE_NULL` … `REFLOW_VALUE_OBJECT`.
  uint32_t kind;
  // 0.
  uint32_t reserved;
  // The number.
  union ReflowScalar scalar;
  // The text, borrowed for as long as the value; the number of children of a list or object in `len`.
  struct ReflowStr text;
} ReflowDatum;

// One element of a stream.
typedef struct ReflowFrame {
  // `REFLOW_FRAME_BEGIN` … `REFLOW_FRAME_ERROR`.
  uint32_t kind;
  // 0.
  uint32_t reserved;
  // What it holds.
  struct ReflowMessage content;
} ReflowFrame;

// Since 1.3. Templates that a pack knows only at run time, or has too many of to describe all of them beforehand.
typedef struct ReflowSource {
  // `sizeof(ReflowSource)` where the pack was built.
  uint32_t size;
  // 0.
  uint32_t reserved;
  // What the functions are called with. They may be called from several threads at once, at any time.
  void *context;
  // The ids, an owned list of texts. It may grow and shrink while the pack is loaded.
  struct ReflowValue *(*list)(void *context);
  // Describes the template with an id: fills `component`, and `descriptor` with an owned String message, which stands for the
  // descriptor of the component. `REFLOW_FAILED` when there is none.
  ReflowStatus (*find)(void *context,
                       struct ReflowStr id,
                       struct ReflowComponent *component,
                       struct ReflowMessage *descriptor);
} ReflowSource;

// Since 1.3. Something that a pack does for programs, outside of any network.
typedef struct ReflowCommand {
  // `sizeof(ReflowCommand)` where the pack was built.
  uint32_t size;
  // 0.
  uint32_t reserved;
  // The name that it is called by.
  struct ReflowStr name;
  // What `call` is called with.
  void *context;
  // Does it: an owned value, or null after telling why with `create_fail`. May be called from several threads at once.
  struct ReflowValue *(*call)(void *context, const struct ReflowValue *arguments, void *errors);
} ReflowCommand;

// The functions of the runtime. The table lives as long as the process; every function may be called from any thread,
// but what a tick, builder or reader belongs to may not be used from two threads at once.
typedef struct ReflowHost {
  // `sizeof(ReflowHost)` in the runtime.
  uint32_t size;
  // `REFLOW_PACK_ABI_VERSION` of the runtime; its minor is the pack's or later.
  uint32_t abi_version;
  // Says who the pack is. Call it first.
  ReflowStatus (*registry_identify)(struct ReflowRegistry *registry,
                                    const struct ReflowPackInfo *info);
  // Registers a component; `component` and its texts are copied, `context` is kept.
  ReflowStatus (*registry_add)(struct ReflowRegistry *registry,
                               const struct ReflowComponent *component);
  // Tells why the entry point is about to answer `REFLOW_FAILED`.
  void (*registry_fail)(struct ReflowRegistry *registry, struct ReflowStr message);
  // Tells why `create` is about to answer `REFLOW_FAILED`; `errors` is what `create` was given.
  void (*create_fail)(void *errors, struct ReflowStr message);
  // Takes the message of an inport out, owned. `false` when there is none.
  bool (*tick_take)(struct ReflowTick *tick, uint32_t port, struct ReflowMessage *message);
  // Sends when the tick commits; a second message for the port replaces the first. Takes the message.
  void (*tick_emit)(struct ReflowTick *tick, uint32_t port, struct ReflowMessage message);
  // Sends even if the tick fails later, in order, at the end of the tick. Takes the message.
  void (*tick_send)(struct ReflowTick *tick, uint32_t port, struct ReflowMessage message);
  // Sends at once, blocking while there is no room; for blocking actors. Takes the message.
  ReflowStatus (*tick_send_now)(struct ReflowTick *tick, uint32_t port, struct ReflowMessage message);
  // Sends at once; for async actors. On `REFLOW_PENDING` the message is taken and the tick is woken when there may be
  // room: call again with a Flow until the answer is another. One such send at a time.
  ReflowStatus (*tick_poll_send)(struct ReflowTick *tick,
                                 uint32_t port,
                                 struct ReflowMessage message);
  // Tells why the tick is about to fail.
  void (*tick_fail)(struct ReflowTick *tick, const struct ReflowFailure *failure);
  // Ends the node after this tick.
  void (*tick_finish)(struct ReflowTick *tick);
  // Who wakes this tick, owned; for async actors.
  struct ReflowWaker (*tick_waker)(struct ReflowTick *tick);
  // Wakes `waker` after so many milliseconds; takes it. For async actors.
  void (*tick_wake_after)(struct ReflowTick *tick, uint64_t milliseconds, struct ReflowWaker waker);
  // The node, owned, for work that goes on beside its ticks: the node stays alive until it is dropped. Null when the
  // run was stopped.
  struct ReflowNode *(*tick_background)(struct ReflowTick *tick);
  // Another owner of the node, which does not keep it alive.
  struct ReflowNode *(*node_clone)(const struct ReflowNode *node);
  // Gives an owned node back.
  void (*node_drop)(struct ReflowNode *node);
  // The id, borrowed for as long as the node.
  struct ReflowStr (*node_id)(const struct ReflowNode *node);
  // The template id, borrowed for as long as the node.
  struct ReflowStr (*node_component)(const struct ReflowNode *node);
  // A text that tells this run from others, borrowed for as long as the node.
  struct ReflowStr (*node_run_id)(const struct ReflowNode *node);
  // The config, borrowed for as long as the node.
  const struct ReflowValue *(*node_config)(const struct ReflowNode *node);
  // The index of an inport, or `REFLOW_NO_PORT`.
  uint32_t (*node_inport)(const struct ReflowNode *node, struct ReflowStr name);
  // The index of an outport, or `REFLOW_NO_PORT` when it is neither declared nor connected.
  uint32_t (*node_outport)(const struct ReflowNode *node, struct ReflowStr name);
  // The name of an inport, as an owned String message.
  struct ReflowMessage (*node_inport_name)(const struct ReflowNode *node, uint32_t port);
  // Sends at once from any thread, waiting for room for so many milliseconds. Takes the message.
  ReflowStatus (*node_send)(const struct ReflowNode *node,
                            uint32_t port,
                            struct ReflowMessage message,
                            uint64_t timeout_ms);
  // Whether the run was asked to stop. Look often in long work.
  bool (*node_is_cancelled)(const struct ReflowNode *node);
  // Tells listeners something; `level` is `debug`, `info`, `warning` or `error`.
  void (*node_log)(const struct ReflowNode *node,
                   struct ReflowStr level,
                   const struct ReflowValue *data);
  // Puts a value into a pool of the node; the value stays the caller's.
  void (*pool_upsert)(const struct ReflowNode *node,
                      struct ReflowStr pool,
                      struct ReflowStr id,
                      const struct ReflowValue *value);
  // A value of a pool, owned, or null.
  struct ReflowValue *(*pool_get)(const struct ReflowNode *node,
                                  struct ReflowStr pool,
                                  struct ReflowStr id);
  // Takes a value out of a pool, owned, or null.
  struct ReflowValue *(*pool_remove)(const struct ReflowNode *node,
                                     struct ReflowStr pool,
                                     struct ReflowStr id);
  // The whole pool as an object by id, owned.
  struct ReflowValue *(*pool_snapshot)(const struct ReflowNode *node, struct ReflowStr pool);
  // Empties a pool.
  void (*pool_clear)(const struct ReflowNode *node, struct ReflowStr pool);
  // Another owner of the same message; data is shared.
  struct ReflowMessage (*message_clone)(const struct ReflowMessage *message);
  // Gives an owned message back, which becomes a Flow.
  void (*message_drop)(struct ReflowMessage *message);
  // A message with text: `kind` is `REFLOW_STRING` or `REFLOW_ERROR`. The text is copied.
  struct ReflowMessage (*message_of_text)(uint32_t kind, struct ReflowStr text);
  // A message with bytes: `kind` is `REFLOW_BYTES` or `REFLOW_ENCODED`. With `release` nothing is copied: the bytes
  // stay as they are until `release(owner)` is called, from any thread. Without, they are copied.
  struct ReflowMessage (*message_of_bytes)(uint32_t kind,
                                           struct ReflowBytes bytes,
                                           void *owner,
                                           void (*release)(void *owner));
  // A message with JSON-shaped data, `REFLOW_OBJECT`, `REFLOW_ARRAY` (of a list), `REFLOW_OPTIONAL` (of null: absent),
  // `REFLOW_EVENT` or `REFLOW_ANY`. Takes the value. Of another kind, or a list that is none: a Flow.
  struct ReflowMessage (*message_of_value)(uint32_t kind, struct ReflowValue *value);
  // The text of a String or Error, or of JSON-shaped data that is text, borrowed for as long as the message; a null
  // `ptr` for others.
  struct ReflowStr (*message_text)(const struct ReflowMessage *message);
  // The bytes of a Bytes or Encoded, borrowed for as long as the message; a null `ptr` for others.
  struct ReflowBytes (*message_bytes)(const struct ReflowMessage *message);
  // The message as JSON-shaped data, owned; of a stream what is known of it; null for Flow, Bytes, Encoded and what only a host can hold.
  struct ReflowValue *(*message_value)(const struct ReflowMessage *message);
  // Takes the readable end of a stream, owned; null when the message holds none or it was taken before.
  struct ReflowReader *(*message_take_stream)(const struct ReflowMessage *message);
  // One level of a value.
  struct ReflowDatum (*value_read)(const struct ReflowValue *value);
  // A member of an object, borrowed for as long as the object, or null.
  const struct ReflowValue *(*value_member)(const struct ReflowValue *value, struct ReflowStr key);
  // An item of a list, borrowed for as long as the list, or null.
  const struct ReflowValue *(*value_item)(const struct ReflowValue *value, size_t index);
  // Calls `each` for every child, with an empty key in a list, until it answers `false`.
  void (*value_each)(const struct ReflowValue *value,
                     void *context,
                     bool (*each)(void *context,
                                  struct ReflowStr key,
                                  const struct ReflowValue *child));
  // The value of a JSON text, owned; null when it is none, then `error` (may be null) is an owned String message.
  struct ReflowValue *(*value_parse)(struct ReflowStr json, struct ReflowMessage *error);
  // The value as JSON text, an owned String message.
  struct ReflowMessage (*value_print)(const struct ReflowValue *value);
  // Another owner of a value; data is shared.
  struct ReflowValue *(*value_clone)(const struct ReflowValue *value);
  // Gives an owned value back; null is fine.
  void (*value_drop)(struct ReflowValue *value);
  // A value in the making, owned.
  struct ReflowBuilder *(*builder_new)(void);
  // Names the member that comes next in an object.
  void (*builder_key)(struct ReflowBuilder *builder, struct ReflowStr key);
  // Adds a scalar or text; a list or object is opened, and lasts until `builder_close`.
  void (*builder_add)(struct ReflowBuilder *builder, const struct ReflowDatum *datum);
  // Adds a value that is there already; it stays the caller's.
  void (*builder_share)(struct ReflowBuilder *builder, const struct ReflowValue *value);
  // Ends the innermost open list or object.
  void (*builder_close)(struct ReflowBuilder *builder);
  // The value, owned, and the end of the builder; null when it is not one whole value.
  struct ReflowValue *(*builder_finish)(struct ReflowBuilder *builder);
  // A new stream, owned, that holds at most `capacity` unread frames (0: no limit). `node` and `content_type` may be
  // null or empty.
  struct ReflowWriter *(*stream_new)(const struct ReflowNode *node,
                                     struct ReflowStr port,
                                     struct ReflowStr content_type,
                                     size_t capacity);
  // The message to send to a reader; once. `size_hint` may be `REFLOW_UNKNOWN_SIZE`.
  ReflowStatus (*writer_handle)(const struct ReflowWriter *writer,
                                uint64_t size_hint,
                                struct ReflowMessage *message);
  // Writes a frame, waiting for room for so many milliseconds. Takes the content, unless it timed out.
  ReflowStatus (*writer_write)(const struct ReflowWriter *writer,
                               const struct ReflowFrame *frame,
                               uint64_t timeout_ms);
  // Writes a frame if there is room; if not, `REFLOW_PENDING`, and `waker` is woken when there may be. Takes the waker,
  // and the content unless pending.
  ReflowStatus (*writer_poll)(const struct ReflowWriter *writer,
                              const struct ReflowFrame *frame,
                              struct ReflowWaker waker);
  // Closes an owned writer: the reader sees what was written, then the close.
  void (*writer_drop)(struct ReflowWriter *writer);
  // The next frame, its content owned, waiting for so many milliseconds; `REFLOW_CLOSED` when there are no more.
  ReflowStatus (*reader_read)(struct ReflowReader *reader,
                              struct ReflowFrame *frame,
                              uint64_t timeout_ms);
  // The next frame if there is one; if not, `REFLOW_PENDING`, and `waker` is woken when there may be. Takes the waker.
  ReflowStatus (*reader_poll)(struct ReflowReader *reader,
                              struct ReflowFrame *frame,
                              struct ReflowWaker waker);
  // Closes an owned reader.
  void (*reader_drop)(struct ReflowReader *reader);
  // Since 1.1. Number of the tick in its node, from 1.
  uint64_t (*tick_sequence)(struct ReflowTick *tick);
  // Since 1.1. Number of this try at the tick, from 1.
  uint32_t (*tick_attempt)(struct ReflowTick *tick);
  // Since 1.1. Tells listeners how far the actor is, from 0 to 1, and in words.
  void (*node_progress)(const struct ReflowNode *node, double fraction, struct ReflowStr text);
  // Since 1.3. Registers templates that are known only at run time, in the entry point. The source is copied, its context is
  // kept.
  ReflowStatus (*registry_add_source)(struct ReflowRegistry *registry,
                                      const struct ReflowSource *source);
  // Since 1.3. Registers something that programs may call, in the entry point. The command is copied, its context is kept.
  ReflowStatus (*registry_add_command)(struct ReflowRegistry *registry,
                                       const struct ReflowCommand *command);
  // Since 1.3. Sends several messages at once from any thread, each by its port, as one emission: what joins by origin takes
  // them together. Waits for room for so many milliseconds. Takes the messages.
  ReflowStatus (*node_emit)(const struct ReflowNode *node,
                            const uint32_t *ports,
                            const struct ReflowMessage *messages,
                            size_t count,
                            uint64_t timeout_ms);
  // Since 1.3. Keeps a text out of everything that the runtime tells for this node from now on: failures, logs, progress.
  void (*node_secret)(const struct ReflowNode *node, struct ReflowStr secret);
  // Since 1.3. Calls `callback(data)` when the process ends in order, unless `exit_forget` is called with the answer before.
  uint64_t (*exit_call)(void (*callback)(void *data), void *data);
  // Since 1.3. Forgets what `exit_call` has noted; `false` when it was called, or is being called, already.
  bool (*exit_forget)(uint64_t number);
  // Since 1.3. Whether packets can come to an inport: over a connection, as an initial, or from outside by its name.
  bool (*node_inport_connected)(const struct ReflowNode *node, uint32_t port);
  // Since 1.3. Whether an outport leads to a node.
  bool (*node_outport_connected)(const struct ReflowNode *node, uint32_t port);
  // Since 1.3. Whether somebody takes what leaves by an outport: a node, an outport of the network, or a listener.
  bool (*node_outport_heard)(const struct ReflowNode *node, uint32_t port);
} ReflowHost;

// It went well.
#define REFLOW_OK 0

// It goes on later: the waker is woken when there is something to do.
#define REFLOW_PENDING 1

// It failed.
#define REFLOW_FAILED 2

// The other side is gone: the run was stopped, the node has ended, nobody reads the stream.
#define REFLOW_CLOSED 3

// There was no room, or no frame, in time.
#define REFLOW_TIMED_OUT 4

// An argument was not what the function takes.
#define REFLOW_INVALID 5

// A stream is full and was not handed over, so that nobody can make room.
#define REFLOW_FULL 6

#endif  /* REFLOW_PACK_H */

/* What a pack exports. REFLOW_EXPORT makes a function visible outside of the library. */
#if defined(_WIN32)
#  define REFLOW_EXPORT __declspec(dllexport)
#else
#  define REFLOW_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Answers REFLOW_PACK_ABI_VERSION. Asked before anything else. */
REFLOW_EXPORT uint32_t reflow_pack_abi_version(void);

/* The entry point: identifies the pack and registers its components. `host` may be kept, `registry` may not. */
REFLOW_EXPORT ReflowStatus reflow_pack_register(const ReflowHost *host, ReflowRegistry *registry);

#ifdef __cplusplus
}
#endif
