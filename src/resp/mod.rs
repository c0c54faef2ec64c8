//! The protocol: requests in, replies out.
