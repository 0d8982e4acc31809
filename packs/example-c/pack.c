/* Two actors in C: one that computes, with a config and a state, and one that blocks and reads a stream. */

#include "reflow_pack.h"

#include <ctype.h>
#include <string.h>

#define TEXT(literal) ((ReflowStr){(literal), sizeof(literal) - 1})

static const ReflowHost *host;

static ReflowStatus fail(ReflowTick *tick, ReflowStr message) {
    ReflowFailure failure = {sizeof failure, -1, message, TEXT("failed")};
    host->tick_fail(tick, &failure);
    return REFLOW_FAILED;
}

static ReflowMessage integer(int64_t number) {
    ReflowMessage message = {.kind = REFLOW_INTEGER, .payload = {.integer = number}};
    return message;
}

/* ---- example_c_words: how many words a text has, and how many there were so far ---------------------------------- */

typedef struct {
    int64_t shortest; /* Words with fewer bytes do not count. */
    int64_t total;
} Words;

static int64_t count_words(const char *text, size_t length, int64_t shortest) {
    int64_t words = 0, run = 0;
    for (size_t at = 0; at <= length; at++) {
        int is_word = at < length && !isspace((unsigned char)text[at]);
        if (is_word) run++;
        if (!is_word && run > 0) {
            words += run >= shortest;
            run = 0;
        }
    }
    return words;
}

static ReflowStatus words_run(void *data, ReflowTick *tick) {
    Words *words = data;
    if (tick->input_count != 1) return fail(tick, TEXT("expected one text"));
    ReflowStr text = host->message_text(&tick->inputs[0].message);
    if (!text.ptr) return fail(tick, TEXT("expected a text"));
    int64_t count = count_words(text.ptr, text.len, words->shortest);
    words->total += count;
    host->tick_emit(tick, 0, integer(count));
    host->tick_emit(tick, 1, integer(words->total));
    return REFLOW_OK;
}

static const ReflowActorTable words_table = {
    .size = sizeof(ReflowActorTable), .style = REFLOW_SYNC, .run = words_run, .destroy = free};

static ReflowStatus words_create(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context;
    Words *words = calloc(1, sizeof *words);
    if (!words) {
        host->create_fail(errors, TEXT("out of memory"));
        return REFLOW_FAILED;
    }
    /* The schema in the descriptor was checked already: it is an integer if it is there. */
    const ReflowValue *shortest = host->value_member(config, TEXT("shortest"));
    words->shortest = shortest ? host->value_read(shortest).scalar.integer : 1;
    *actor = (ReflowActor){words, &words_table};
    return REFLOW_OK;
}

/* ---- example_c_checksum: the Adler-32 of a stream ----------------------------------------------------------------- */

static ReflowStatus checksum_run(void *data, ReflowTick *tick) {
    (void)data;
    if (tick->input_count != 1) return fail(tick, TEXT("expected one stream"));
    ReflowReader *reader = host->message_take_stream(&tick->inputs[0].message);
    if (!reader) return fail(tick, TEXT("expected a stream that nobody else reads"));
    uint32_t a = 1, b = 0;
    ReflowFrame frame;
    int is_broken = 0;
    while (host->reader_read(reader, &frame, REFLOW_FOREVER) == REFLOW_OK) {
        ReflowBytes bytes = host->message_bytes(&frame.content);
        for (size_t at = 0; frame.kind == REFLOW_FRAME_DATA && at < bytes.len; at++) {
            a = (a + bytes.ptr[at]) % 65521;
            b = (b + a) % 65521;
        }
        is_broken |= frame.kind == REFLOW_FRAME_ERROR;
        host->message_drop(&frame.content);
    }
    host->reader_drop(reader);
    if (is_broken) return fail(tick, TEXT("the stream broke off"));
    host->tick_emit(tick, 0, integer((int64_t)b << 16 | a));
    return REFLOW_OK;
}

static const ReflowActorTable checksum_table = {
    .size = sizeof(ReflowActorTable), .style = REFLOW_BLOCKING, .run = checksum_run};

static ReflowStatus checksum_create(void *context, const ReflowValue *config, ReflowActor *actor, void *errors) {
    (void)context, (void)config, (void)errors;
    *actor = (ReflowActor){NULL, &checksum_table};
    return REFLOW_OK;
}

/* ---- registration -------------------------------------------------------------------------------------------------- */

static const char WORDS[] =
    "{\"id\": \"example_c_words\", \"title\": \"Count words\", \"category\": \"text\","
    " \"summary\": \"How many words a text has, and how many there were so far.\","
    " \"inports\": [{\"name\": \"text\", \"kind\": \"string\", \"required\": true}],"
    " \"outports\": [{\"name\": \"count\", \"kind\": \"integer\"}, {\"name\": \"total\", \"kind\": \"integer\"}],"
    " \"config_schema\": {\"type\": \"object\", \"properties\":"
    " {\"shortest\": {\"type\": \"integer\", \"minimum\": 1, \"default\": 1}}}}";

static const char CHECKSUM[] =
    "{\"id\": \"example_c_checksum\", \"title\": \"Checksum\", \"category\": \"stream\","
    " \"summary\": \"The Adler-32 of a stream.\","
    " \"inports\": [{\"name\": \"stream\", \"kind\": \"stream\", \"required\": true}],"
    " \"outports\": [{\"name\": \"checksum\", \"kind\": \"integer\"}]}";

uint32_t reflow_pack_abi_version(void) { return REFLOW_PACK_ABI_VERSION; }

ReflowStatus reflow_pack_register(const ReflowHost *runtime, ReflowRegistry *registry) {
    host = runtime;
    ReflowPackInfo info = {sizeof info, REFLOW_PACK_ABI_VERSION, TEXT("example.c"), TEXT("1.0.0")};
    if (host->registry_identify(registry, &info) != REFLOW_OK) return REFLOW_FAILED;
    ReflowComponent words = {
        .size = sizeof words, .descriptor = {WORDS, sizeof WORDS - 1}, .create = words_create};
    ReflowComponent checksum = {
        .size = sizeof checksum, .descriptor = {CHECKSUM, sizeof CHECKSUM - 1}, .create = checksum_create};
    if (host->registry_add(registry, &words) != REFLOW_OK) return REFLOW_FAILED;
    return host->registry_add(registry, &checksum);
}
