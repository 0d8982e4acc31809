/* A pack as it was written for ABI 1.0: sync, blocking and async actors, values and threads, by hand. */

#include "reflow_pack.h"

#include <string.h>

#if REFLOW_PACK_ABI_MINOR != 0
#error "this pack is there to be built against the first header"
#endif

#define TEXT(literal) ((ReflowStr){(literal), sizeof(literal) - 1})

static const ReflowHost *host;

static ReflowStatus fail(ReflowTick *tick, ReflowStr message) {
    ReflowFailure failure = {sizeof failure, 1, message, TEXT("old")};
    host->tick_fail(tick, &failure);
    return REFLOW_FAILED;
}

static ReflowMessage integer(int64_t number) {
    ReflowMessage message = {.kind = REFLOW_INTEGER, .payload = {.integer = number}};
    return message;
}

/* Adds the config's `step`; keeps the sum in its state. */
typedef struct { int64_t step, sum; } Adder;

static ReflowStatus add(void *data, ReflowTick *tick) {
    Adder *adder = data;
    if (tick->input_count != 1 || tick->inputs[0].message.kind != REFLOW_INTEGER)
        return fail(tick, TEXT("expected an integer"));
    int64_t number = tick->inputs[0].message.payload.integer;
    adder->sum += number;
    host->tick_emit(tick, 0, integer(number + adder->step));
    return REFLOW_OK;
}

static ReflowStatus add_up(void *data, ReflowTick *tick) {
    host->tick_send(tick, 0, integer(((Adder *)data)->sum));
    return REFLOW_OK;
}

static const ReflowActorTable adder_table = {
    .size = sizeof(ReflowActorTable), .style = REFLOW_SYNC, .run = add, .finalize = add_up, .destroy = free};

static ReflowStatus create_adder(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context;
    const ReflowValue *step = host->value_member(config, TEXT("step"));
    if (step && host->value_read(step).kind != REFLOW_VALUE_INTEGER) {
        host->create_fail(errors, TEXT("`step` is no integer"));
        return REFLOW_FAILED;
    }
    Adder *adder = calloc(1, sizeof *adder);
    if (!adder) return REFLOW_FAILED;
    adder->step = step ? host->value_read(step).scalar.integer : 1;
    *actor = (ReflowActor){adder, &adder_table};
    return REFLOW_OK;
}

/* Waits two milliseconds, sends twice with back-pressure, and answers with an object: a state machine by hand. */
typedef struct { int state; int64_t number; } Waiter;

static ReflowStatus go_on(void *data, ReflowTick *tick) {
    Waiter *waiter = data;
    while (waiter->state > 0 && waiter->state < 3) {
        ReflowStatus status = host->tick_poll_send(tick, 0, integer(waiter->number));
        if (status != REFLOW_OK) return status;
        waiter->state++;
    }
    if (waiter->state == 0) {
        waiter->state = 1;
        host->tick_wake_after(tick, 2, host->tick_waker(tick));
        return REFLOW_PENDING;
    }
    ReflowBuilder *builder = host->builder_new();
    ReflowDatum object = {.kind = REFLOW_VALUE_OBJECT};
    ReflowDatum number = {.kind = REFLOW_VALUE_INTEGER, .scalar = {.integer = waiter->number}};
    host->builder_add(builder, &object);
    host->builder_key(builder, TEXT("waited"));
    host->builder_add(builder, &number);
    host->builder_close(builder);
    host->tick_emit(tick, 0, host->message_of_value(REFLOW_OBJECT, host->builder_finish(builder)));
    return REFLOW_OK;
}

static ReflowStatus wait(void *data, ReflowTick *tick) {
    Waiter *waiter = data;
    if (tick->input_count != 1) return fail(tick, TEXT("nothing came"));
    waiter->state = 0;
    waiter->number = tick->inputs[0].message.payload.integer;
    return go_on(data, tick);
}

static void give_up(void *data) { ((Waiter *)data)->state = -1; }

static const ReflowActorTable waiter_table = {.size = sizeof(ReflowActorTable), .style = REFLOW_ASYNC,
                                              .run = wait, .resume = go_on, .cancel = give_up, .destroy = free};

static ReflowStatus create_waiter(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context, (void)config, (void)errors;
    *actor = (ReflowActor){calloc(1, sizeof(Waiter)), &waiter_table};
    return actor->data ? REFLOW_OK : REFLOW_FAILED;
}

/* Reads the frames of a stream on a thread that may wait, and answers with how many bytes there were. */
static ReflowStatus measure(void *data, ReflowTick *tick) {
    (void)data;
    if (tick->input_count != 1) return fail(tick, TEXT("nothing came"));
    ReflowReader *reader = host->message_take_stream(&tick->inputs[0].message);
    if (!reader) return fail(tick, TEXT("expected a stream"));
    int64_t bytes = 0;
    ReflowFrame frame;
    while (host->reader_read(reader, &frame, REFLOW_FOREVER) == REFLOW_OK) {
        if (frame.kind == REFLOW_FRAME_DATA) bytes += (int64_t)host->message_bytes(&frame.content).len;
        host->message_drop(&frame.content);
    }
    host->reader_drop(reader);
    return host->tick_send_now(tick, 0, integer(bytes));
}

static const ReflowActorTable measure_table = {
    .size = sizeof(ReflowActorTable), .style = REFLOW_BLOCKING, .run = measure};

static ReflowStatus create_measure(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context, (void)config, (void)errors;
    *actor = (ReflowActor){NULL, &measure_table};
    return REFLOW_OK;
}

uint32_t reflow_pack_abi_version(void) { return REFLOW_PACK_ABI_VERSION; }

#define PORTS ", \"inports\": [{\"name\": \"in\"}], \"outports\": [{\"name\": \"out\"}]}"

ReflowStatus reflow_pack_register(const ReflowHost *runtime, ReflowRegistry *registry) {
    host = runtime;
    if (host->size < sizeof(ReflowHost)) return REFLOW_FAILED;
    ReflowPackInfo info = {sizeof info, REFLOW_PACK_ABI_VERSION, TEXT("old"), TEXT("0.1")};
    if (host->registry_identify(registry, &info) != REFLOW_OK) return REFLOW_FAILED;
    ReflowComponent components[] = {
        {.size = sizeof(ReflowComponent), .descriptor = TEXT("{\"id\": \"old_add\"" PORTS), .create = create_adder},
        {.size = sizeof(ReflowComponent), .descriptor = TEXT("{\"id\": \"old_wait\"" PORTS), .create = create_waiter},
        {.size = sizeof(ReflowComponent), .descriptor = TEXT("{\"id\": \"old_measure\"" PORTS), .create = create_measure},
    };
    for (size_t i = 0; i < sizeof components / sizeof *components; i++)
        if (host->registry_add(registry, &components[i]) != REFLOW_OK) return REFLOW_FAILED;
    return REFLOW_OK;
}
