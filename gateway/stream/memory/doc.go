// Package memory bounds what streams hold, and lends it.
//
// In: how many bytes a stream needs, and whose it is. Out: leave to hold them, or a wait, or
// Busy; buffers that are used again. Always: the streams that go on hold no more than what the
// operator gave, and no organisation more than three quarters of it. It must not know what
// the bytes are.
//
//	Budget    own of stream 1 │ own of stream 2 │ …     half, for certain
//	          ahead of 2 │ ahead of 1 │ Recent │ …      half, while there is room
package memory
