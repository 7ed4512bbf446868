// Package byurl gives ranges of stored objects by URL, so that a job reads them straight from S3.
//
// In: a policy.Grant, the plan of a rank's rows or the objects that it names. Out: presigned URLs
// for whole record batches as they lie in their shards, or for objects, with a release that was
// begun before and ends when they are dead. Always: policy.ByURL is asked; a view that shows less
// than the stored object gets none; what is recorded is an upper bound of what the URLs show; a
// URL is good for one range of one ETag and a minute at most. It must not know HTTP, nor move a
// byte of data.
//
//	plan ─▶ pieces: whole batches, as ranges ─▶ begin ─▶ sign ─▶ Ranges
//	                                            │ open, at its upper bound
//	                                            └ the URLs are dead ─▶ ended: by-url
//
// What is given cannot be taken back: a revocation ends what is given next. That is why the terms
// have to permit it (direct), why a site turns it on, and why the record never says streamed.
package byurl
