//! What runs a network: messages, mailboxes, ticks, pools, streams, hosts and events.
#![forbid(unsafe_code)]

mod activity;
mod actor;
mod assembler;
mod attempt;
mod background;
mod budget;
mod clock;
mod compile;
mod component;
mod compute;
mod connection;
mod delivery;
mod diagnose;
mod draft;
mod driver;
mod error;
mod event;
mod event_bus;
mod failure;
mod firing;
mod from_graph;
mod gate;
mod host;
mod join;
pub mod journal;
mod mailbox;
mod marks;
mod native_host;
mod network;
mod node;
mod open_attempts;
mod origin;
mod outside;
mod overlay;
mod pairing;
mod plan;
mod policy;
mod pool;
mod question;
mod rechunk;
mod recorder;
mod restore;
mod run;
mod running;
mod sender;
mod stall;
mod stats;
mod stray;
mod subgraph;
mod sync;
mod tap;
mod tick;
mod vars;

pub use actor::{Actor, AsyncActor, Instance, Signal};
pub use async_trait::async_trait;
pub use attempt::{Attempt, Completion, Outcome, Packets};
pub use background::Background;
pub use budget::DEFAULT_KEPT_BYTES;
pub use component::{Catalog, Component, ComponentSpec, Documentation, PortSpec, Source};
pub use connection::{ConnectionOptions, Overflow};
pub use error::{NetworkError, SendError, suggestion};
pub use event::{Event, EventRecord, FailedAttempt};
pub use event_bus::{DEFAULT_EVENT_CAPACITY, EventFilter, EventReader, Received};
pub use failure::Failure;
pub use firing::{By, Firing, Join, Ports};
pub use gate::{FanIn, StartRule, Threshold};
pub use host::{Host, HostedActor, NodeTask, Step};
pub use network::{Blueprint, DEFAULT_CAPACITY, Endpoint, Network, NodeSpec, Start};
pub use node::{NodeHandle, NodeState, Targets};
pub use origin::{LateOrigin, Origin};
pub use outside::OutsideSend;
pub use policy::{OnError, Policy, TIMEOUT};
pub use pool::Pools;
pub use question::{Answer, Question, QuestionEnd};
pub use rechunk::Rechunk;
pub use reflow_message::{
    AnyValue, Begin, Branch, Buffer, BufferOwner, DEFAULT_MAX_BYTES, Frame, HostObject, HostValue, HostValueError,
    KINDS, MAX_DEPTH, Message, Nested, NetworkEvent, NetworkEventType, Object, PortType, RemoteReference, SharedArray,
    SharedObject, StreamError, StreamHandle, StreamReader, StreamWriter, UnpackError, Value, ValueError, WireError,
    block_until, decode, from_value, max_bytes, set_max_bytes, set_unpacker, to_value,
};
pub use run::RunState;
pub use running::{DEFAULT_LISTENER_CAPACITY, RunReport, Running};
pub use sender::{BlockingSend, Caller, Sending};
pub use stats::NodeStats;
pub use subgraph::Subgraph;
pub use tap::Listener;
pub use tick::{PortIndex, Tick};
pub use vars::{VarChange, Vars};
