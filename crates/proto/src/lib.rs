//! Wire messages and service stubs of the workflows.v1 API, generated from our own .proto files.
