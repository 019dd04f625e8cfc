// Package workflows is a small client of the workflows.v1 API, built to put on the wire what the
// official Go SDK puts there: the same transport and retry libraries, the same exporters, and the
// same habits in the places where a server can notice the difference. The official SDK itself
// cannot be downloaded everywhere the suite has to run; the README of the suite says what that
// leaves untested.
//
// It is a test instrument. Programs should use an SDK.
package workflows
