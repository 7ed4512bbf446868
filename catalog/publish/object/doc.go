// Package object reads files that are published as they are: images, DICOM, NetCDF, tars.
//
// In: the bytes of an object, in order, and its name. Out: its digest, its media type, and the
// sums of its pieces, by which a range of it can be compared later. Always: nothing is decoded;
// of the content the first bytes alone are looked at, to know its type; memory does not grow
// with the object but for 50 bytes a piece. It must not know stores or publications.
//
//	bytes   │ 4 MiB │ 4 MiB │ … │ rest │     one CRC-32C each, one SHA-256 of all
//	         └ first 3,072: what type they say they are of
package object
