//! What runs a network: messages, mailboxes, ticks, pools, streams, hosts and events.
