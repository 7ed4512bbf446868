// Package direct is reading by URL: what a gateway is asked for and answers, and who reads it.
//
// In: a lease's token, an ask for rows as of a stream, or for objects by name. Out: URLs with the
// headers to send, good for a minute at most, each for one range of an object in S3 as it lies
// there; and, of rows, the same IPC stream as the gateway's own. Always: a token goes to the gateway
// alone, never to the store; what comes is held against the rows and bytes that were announced;
// what is not given by URL comes by the stream, in its place. It must not know how URLs are signed,
// nor who gets them.
//
//	POST /agreements/{id}/ranges ─▶ Ranges: pieces of a rank's rows, in order
//	                                  │ ranges  ─▶ GET URL, Range, If-Match ─▶ the store
//	                                  └ none    ─▶ GET …/stream?from=        ─▶ the gateway
package direct
