//! Messages over the boundary: numbers as such, everything else as it is here, in the room that the ABI keeps for a handle.
//! So nothing is allocated on the way; a message that grows would put a box there.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr;

use reflow_pack_sdk::abi::{
    REFLOW_ANY, REFLOW_ARRAY, REFLOW_BOOLEAN, REFLOW_BYTES, REFLOW_ENCODED, REFLOW_ERROR, REFLOW_EVENT, REFLOW_FLOAT,
    REFLOW_FLOW, REFLOW_INTEGER, REFLOW_NETWORK_EVENT, REFLOW_OBJECT, REFLOW_OPTIONAL, REFLOW_REMOTE_REFERENCE,
    REFLOW_STREAM, REFLOW_STRING, ReflowBytes, ReflowMessage, ReflowPayload, ReflowReader, ReflowStr, ReflowValue,
};
use reflow_runtime::{AnyValue, Buffer, Message, Value};

use super::foreign::{self, ForeignBytes, guard};
use super::value;

const NO_BYTES: ReflowBytes = ReflowBytes { ptr: ptr::null(), len: 0 };
const NO_TEXT: ReflowStr = ReflowStr { ptr: ptr::null(), len: 0 };
pub(super) const FLOW: ReflowMessage = plain(REFLOW_FLOW, ReflowPayload { integer: 0 });

const fn plain(kind: u32, payload: ReflowPayload) -> ReflowMessage {
    ReflowMessage { kind, reserved: 0, payload }
}

fn kind(message: &Message) -> u32 {
    match message {
        Message::Flow => REFLOW_FLOW,
        Message::Boolean(_) => REFLOW_BOOLEAN,
        Message::Integer(_) => REFLOW_INTEGER,
        Message::Float(_) => REFLOW_FLOAT,
        Message::String(_) => REFLOW_STRING,
        Message::Object(_) => REFLOW_OBJECT,
        Message::Array(_) => REFLOW_ARRAY,
        Message::Bytes(_) => REFLOW_BYTES,
        Message::Error(_) => REFLOW_ERROR,
        Message::StreamHandle(_) => REFLOW_STREAM,
        Message::Optional(_) => REFLOW_OPTIONAL,
        Message::Event(_) => REFLOW_EVENT,
        Message::Encoded(_) => REFLOW_ENCODED,
        Message::Any(_) => REFLOW_ANY,
        Message::Host(value) => value.message().map_or(REFLOW_ANY, kind),
        Message::RemoteReference(_) => REFLOW_REMOTE_REFERENCE,
        Message::NetworkEvent(_) => REFLOW_NETWORK_EVENT,
    }
}

/// The form of a message that needs no handle.
#[inline]
fn in_place(message: &Message) -> Option<ReflowMessage> {
    Some(match message {
        Message::Flow => FLOW,
        Message::Boolean(value) => plain(REFLOW_BOOLEAN, ReflowPayload { integer: (*value).into() }),
        Message::Integer(value) => plain(REFLOW_INTEGER, ReflowPayload { integer: *value }),
        Message::Float(value) => plain(REFLOW_FLOAT, ReflowPayload { number: *value }),
        _ => return None,
    })
}

/// What a handle must have room for.
const _: () =
    assert!(size_of::<Message>() <= size_of::<ReflowPayload>() && align_of::<Message>() <= align_of::<ReflowPayload>());

/// The message for the pack, with the bits of `message` as its handle. Whether that lends or gives depends on what
/// becomes of `message`.
#[inline]
fn bits(message: &Message) -> ReflowMessage {
    in_place(message).unwrap_or_else(|| {
        let mut bits = ReflowMessage { kind: kind(message), ..FLOW };
        // SAFETY: there is room for it, and nobody looks at the bits as a message longer than `lend` and `give` say.
        unsafe { ptr::copy_nonoverlapping(message, (&raw mut bits.payload).cast(), 1) };
        bits
    })
}

/// The message for the pack, lent for as long as `message` stays as it is.
#[inline]
pub(super) fn lend(message: &Message) -> ReflowMessage {
    bits(message)
}

/// The message for the pack, owned by it.
#[inline]
pub(super) fn give(message: Message) -> ReflowMessage {
    bits(&ManuallyDrop::new(message))
}

/// The message that the pack hands over.
///
/// # Safety
/// The pack owns it.
#[inline]
pub(super) unsafe fn receive(message: ReflowMessage) -> Message {
    // SAFETY: the kind says what the payload is, and a handle that the pack owns is a message put there by `give`.
    unsafe {
        match message.kind {
            REFLOW_FLOW => Message::Flow,
            REFLOW_BOOLEAN => Message::Boolean(message.payload.integer != 0),
            REFLOW_INTEGER => Message::Integer(message.payload.integer),
            REFLOW_FLOAT => Message::Float(message.payload.number),
            _ => (&raw const message.payload).cast::<Message>().read(),
        }
    }
}

/// Looks at a message that the pack owns or was lent; `None` for one without a handle.
///
/// # Safety
/// The message is alive for `'a`.
unsafe fn look<'a>(message: *const ReflowMessage) -> Option<&'a Message> {
    // SAFETY: as this function demands; every handle holds a message.
    unsafe {
        let message = message.as_ref().filter(|message| message.kind >= REFLOW_STRING)?;
        (&raw const message.payload).cast::<Message>().as_ref()
    }
}

/// A copy of a message that the pack owns or was lent.
///
/// # Safety
/// The message is alive.
pub(super) unsafe fn copy(message: *const ReflowMessage) -> Message {
    // SAFETY: as this function demands; a message without a handle is a number.
    unsafe {
        match (look(message), message.as_ref()) {
            (Some(message), _) => message.clone(),
            (None, Some(message)) if message.kind < REFLOW_STRING => receive(*message),
            _ => Message::Flow,
        }
    }
}

pub(super) unsafe extern "C" fn clone(message: *const ReflowMessage) -> ReflowMessage {
    // SAFETY: the ABI says that the message is alive.
    guard(FLOW, || give(unsafe { copy(message) }))
}

pub(super) unsafe extern "C" fn drop_message(message: *mut ReflowMessage) {
    guard((), || {
        if !message.is_null() {
            // SAFETY: the ABI says that the pack owns the message.
            drop(unsafe { receive(message.replace(FLOW)) });
        }
    });
}

pub(super) unsafe extern "C" fn of_text(kind: u32, text: ReflowStr) -> ReflowMessage {
    guard(FLOW, || {
        // SAFETY: the ABI says that the text is valid for the call.
        let text = unsafe { foreign::text(text) };
        give(if kind == REFLOW_ERROR { Message::error(text) } else { Message::string(text) })
    })
}

pub(super) unsafe extern "C" fn of_bytes(
    kind: u32,
    bytes: ReflowBytes,
    owner: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
) -> ReflowMessage {
    guard(FLOW, || {
        // SAFETY: the ABI says that the bytes stay as they are until `release`, or else for the call.
        let buffer = unsafe {
            match release {
                Some(release) => Buffer::new(ForeignBytes::new(bytes, owner, release)),
                None => Buffer::from(foreign::bytes(bytes.ptr, bytes.len)),
            }
        };
        give(if kind == REFLOW_ENCODED { Message::Encoded(buffer) } else { Message::Bytes(buffer) })
    })
}

pub(super) unsafe extern "C" fn of_value(kind: u32, data: *mut ReflowValue) -> ReflowMessage {
    guard(FLOW, || {
        // SAFETY: the ABI says that the value is handed over.
        let Some(data) = (unsafe { value::receive(data) }) else { return FLOW };
        give(match (kind, data) {
            (REFLOW_OBJECT, data) => Message::Object(data),
            (REFLOW_ARRAY, Value::Array(items)) => Message::Array(items),
            (REFLOW_OPTIONAL, Value::Null) => Message::Optional(None),
            (REFLOW_OPTIONAL, data) => Message::Optional(Some(Box::new(data))),
            (REFLOW_EVENT, data) => Message::Event(Box::new(data)),
            (REFLOW_ANY, data) => Message::Any(AnyValue::Value(Box::new(data))),
            _ => Message::Flow,
        })
    })
}

pub(super) unsafe extern "C" fn text(message: *const ReflowMessage) -> ReflowStr {
    guard(NO_TEXT, || {
        // SAFETY: the ABI says that the message is alive; the text belongs to it.
        unsafe { look(message) }.and_then(Message::as_text).map_or(NO_TEXT, foreign::lend)
    })
}

pub(super) unsafe extern "C" fn bytes(message: *const ReflowMessage) -> ReflowBytes {
    // SAFETY: the ABI says that the message is alive; the bytes belong to it.
    guard(NO_BYTES, || match unsafe { look(message) } {
        Some(Message::Bytes(bytes) | Message::Encoded(bytes)) => ReflowBytes { ptr: bytes.as_ptr(), len: bytes.len() },
        _ => NO_BYTES,
    })
}

pub(super) unsafe extern "C" fn value(message: *const ReflowMessage) -> *mut ReflowValue {
    guard(ptr::null_mut(), || {
        // SAFETY: the ABI says that the message is alive.
        match unsafe { look(message) } {
            // What is known of a stream; what is in it comes to whoever takes it.
            Some(Message::StreamHandle(handle)) => value::give(handle.to_value()),
            // SAFETY: as above.
            _ => unsafe { copy(message) }.as_value().map_or(ptr::null_mut(), value::give),
        }
    })
}

pub(super) unsafe extern "C" fn take_stream(message: *const ReflowMessage) -> *mut ReflowReader {
    guard(ptr::null_mut(), || {
        // SAFETY: the ABI says that the message is alive.
        let Some(Message::StreamHandle(handle)) = (unsafe { look(message) }) else { return ptr::null_mut() };
        handle.take().map_or(ptr::null_mut(), |reader| Box::into_raw(Box::new(reader)).cast())
    })
}
