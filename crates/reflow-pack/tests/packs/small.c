/* The smallest pack: one template that passes its input on. PROBLEM chooses what is wrong with it. */

#include "reflow_pack.h"

#define TEXT(literal) ((ReflowStr){(literal), sizeof(literal) - 1})

static const ReflowHost *host;

static ReflowStatus forward(void *data, ReflowTick *tick) {
    (void)data;
    ReflowMessage message;
    if (host->tick_take(tick, 0, &message)) host->tick_emit(tick, 0, message);
    return PROBLEM == 5 ? REFLOW_FAILED : REFLOW_OK;
}

static const ReflowActorTable table = {.size = PROBLEM == 4 ? 8 : sizeof(ReflowActorTable), .run = forward};

static ReflowStatus create(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context, (void)config, (void)errors;
    *actor = (ReflowActor){NULL, &table};
    return REFLOW_OK;
}

uint32_t reflow_pack_abi_version(void) {
    return PROBLEM == 1 ? REFLOW_PACK_ABI_VERSION + 1 : REFLOW_PACK_ABI_VERSION;
}

ReflowStatus reflow_pack_register(const ReflowHost *runtime, ReflowRegistry *registry) {
    host = runtime;
    if (PROBLEM == 2) {
        host->registry_fail(registry, TEXT("the licence has run out"));
        return REFLOW_FAILED;
    }
    ReflowPackInfo info = {sizeof info, REFLOW_PACK_ABI_VERSION, TEXT("@NAME@"), TEXT("1.0.0")};
    if (host->registry_identify(registry, &info) != REFLOW_OK) return REFLOW_FAILED;
    ReflowComponent component = {
        .size = sizeof component,
        .descriptor = PROBLEM == 3 ? TEXT("nonsense")
                                   : TEXT("{\"id\": \"@ID@\", \"inports\": [{\"name\": \"in\"}], \"outports\": [{\"name\": \"out\"}]}"),
        .create = create,
    };
    return host->registry_add(registry, &component);
}
