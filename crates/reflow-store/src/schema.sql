-- The schema of a store, version 2. `PRAGMA application_id` is 0x52464C57 ("RFLW"), `PRAGMA user_version` the version.
-- Times are seconds since 1970, unless a name ends in _ms.

-- One row a run.
CREATE TABLE runs (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,          -- what users call the id of the run
    title         TEXT NOT NULL DEFAULT '',      -- the name of the graph
    graph         TEXT NOT NULL,                 -- the GraphExport that runs, as JSON
    state         TEXT NOT NULL,                 -- beginning, running, finished, failed, cancelled
    reason        TEXT,                          -- why it was stopped
    created       REAL NOT NULL,
    ended         REAL,
    starts        INTEGER NOT NULL DEFAULT 0,    -- how often a process has begun to work on it
    inputs_closed INTEGER NOT NULL DEFAULT 0,    -- whether everything from outside had come
    vars          BLOB,                          -- the variables of the run, packed
    -- The lease: who works on it.
    owner_host    TEXT,
    owner_pid     INTEGER,
    owner_birth   TEXT,                          -- tells processes of one number apart
    owner_beat    REAL,                          -- when it last said that it is alive
    epoch         INTEGER NOT NULL DEFAULT 0     -- grows with every owner; an older one may write no more
);

CREATE TABLE nodes (
    run         INTEGER NOT NULL,
    node        TEXT NOT NULL,
    component   TEXT NOT NULL,
    state       TEXT NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0,      -- whether it will run no more
    set_up      INTEGER NOT NULL DEFAULT 0,      -- whether its setup is over
    ticks       INTEGER NOT NULL DEFAULT 0,      -- ticks that are over
    packets_in  INTEGER NOT NULL DEFAULT 0,
    packets_out INTEGER NOT NULL DEFAULT 0,
    failures    INTEGER NOT NULL DEFAULT 0,
    retries     INTEGER NOT NULL DEFAULT 0,
    started_at  REAL,
    ended_at    REAL,
    checkpoint  BLOB,                            -- a packed message
    PRIMARY KEY (run, node)
) WITHOUT ROWID;

-- An append-only list of messages.
CREATE TABLE streams (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL,
    kind   TEXT NOT NULL,                        -- outport, initial, outside, rechunked
    node   TEXT NOT NULL,
    port   TEXT NOT NULL,
    keep   INTEGER NOT NULL,                     -- whether messages stay when all have read them
    next   INTEGER NOT NULL DEFAULT 0,           -- the position of the next message
    origin INTEGER NOT NULL DEFAULT 0,           -- what the last one descends from
    UNIQUE (run, kind, node, port)
);

-- Consecutive messages of a stream. Those that all had read before they were written are not here.
-- data: for each message (length * 2 + is a file) and origin as base-128 numbers, then its bytes: a packed message, or the
-- SHA-256 of the file that holds it.
CREATE TABLE segments (
    id    INTEGER PRIMARY KEY,                   -- stream * 2^40 + position of the first message
    count INTEGER NOT NULL,
    data  BLOB NOT NULL
);

-- How far each connection has read a stream.
CREATE TABLE cursors (
    stream  INTEGER NOT NULL,
    node    TEXT NOT NULL,
    port    TEXT NOT NULL,
    ordinal INTEGER NOT NULL,                    -- tells connections of the same two ends apart
    upto    INTEGER NOT NULL,                    -- everything before it was read
    beyond  BLOB NOT NULL,                       -- what was read beyond: distances as base-128 numbers
    closed  INTEGER NOT NULL DEFAULT 0,          -- whether its node will read no more
    PRIMARY KEY (stream, node, port, ordinal)
) WITHOUT ROWID;

-- Which messages are files.
CREATE TABLE files (
    hash     BLOB NOT NULL,
    stream   INTEGER NOT NULL,                   -- 0: a cached result
    position INTEGER NOT NULL,
    PRIMARY KEY (stream, position, hash)
) WITHOUT ROWID;
CREATE INDEX files_by_hash ON files (hash);

-- Attempts that are not over and have something to remember.
CREATE TABLE attempts (
    run        INTEGER NOT NULL,
    node       TEXT NOT NULL,
    stream     INTEGER NOT NULL,                 -- the stream of its first packet; 0 for a tick without packets
    ordinal    INTEGER NOT NULL,
    port       TEXT NOT NULL,
    position   INTEGER NOT NULL,                 -- the position of that packet, or the number of the tick
    number     INTEGER NOT NULL,                 -- of its last try
    until_ms   INTEGER,                          -- when it is tried again
    sent       INTEGER NOT NULL,                 -- packets that have left already
    checkpoint BLOB,
    PRIMARY KEY (run, node, stream, port, ordinal, position)
) WITHOUT ROWID;

CREATE TABLE pools (
    run   INTEGER NOT NULL,
    node  TEXT NOT NULL,
    pool  TEXT NOT NULL,
    id    TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (run, node, pool, id)
) WITHOUT ROWID;

-- Signals that no node has taken.
CREATE TABLE signals (
    id   INTEGER PRIMARY KEY,
    run  INTEGER NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    data BLOB NOT NULL,
    awaited INTEGER NOT NULL DEFAULT 0           -- since version 2: whether it is for a tick that waits for it
);
CREATE INDEX signals_by_run ON signals (run, node);

-- Attempts that failed.
CREATE TABLE failures (
    id         INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL,
    node       TEXT NOT NULL,
    component  TEXT NOT NULL,
    tick       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    will_retry INTEGER NOT NULL,
    error      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    traceback  TEXT,
    inputs     BLOB NOT NULL,                    -- port and packed message in turn, each with its length before it
    at         REAL NOT NULL
);
CREATE INDEX failures_by_run ON failures (run);

-- What happened when.
CREATE TABLE moments (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL,
    at     REAL NOT NULL,
    node   TEXT,
    what   TEXT NOT NULL,
    detail TEXT
);
CREATE INDEX moments_by_run ON moments (run);

-- Results of ticks, by what they were made of.
CREATE TABLE cache (
    key       BLOB PRIMARY KEY,
    component TEXT NOT NULL,
    created   REAL NOT NULL,
    expires   REAL,
    data      BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX cache_by_component ON cache (component);
