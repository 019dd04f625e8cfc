//! The Boxwood server: RPC, HTTP, validation, dispatch.
