// Package media knows media types of files by their names and first bytes.
//
// In: a name, and at most the first 3,072 bytes of what is called so. Out: a media type, always
// one, and what is odd about it. Always: nothing is decoded; the same name and bytes give the
// same type. It must not know where files lie.
//
//	name       first bytes      type
//	a.jpg      of a JPEG        image/jpeg
//	a.jpg      of a PNG         image/png, and a note
//	a.nc       of an HDF5       application/x-netcdf: it is made of HDF5
//	a.bin      of nothing       application/octet-stream
package media

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// unknown is the media type of bytes that say nothing of themselves.
const unknown = "application/octet-stream"

// HeadLength is how much of an object is looked at for its type.
const HeadLength = 3072

// named gives the media types of files that hold no rows, by the end of their names. What is not
// listed here is an object only where its provider says so.
func named() map[string]string {
	return map[string]string{
		".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".bmp": "image/bmp", ".webp": "image/webp",
		".avif": "image/avif", ".heic": "image/heic", ".tif": "image/tiff", ".tiff": "image/tiff", ".svs": "image/tiff",
		".svg": "image/svg+xml", ".jp2": "image/jp2",
		".dcm": "application/dicom", ".dicom": "application/dicom", ".nii": "application/x-nifti", ".nii.gz": "application/x-nifti",
		".nrrd": "application/x-nrrd", ".mha": "application/x-metaimage", ".edf": "application/x-edf",
		".nc": "application/x-netcdf", ".nc4": "application/x-netcdf", ".h5": "application/x-hdf5", ".hdf5": "application/x-hdf5",
		".he5": "application/x-hdf5", ".hdf": "application/x-hdf", ".grib": "application/x-grib", ".grb": "application/x-grib",
		".grib2": "application/x-grib", ".grb2": "application/x-grib", ".fits": "application/fits",
		".las": "application/vnd.las", ".laz": "application/vnd.laszip", ".gpkg": "application/geopackage+sqlite3",
		".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".opus": "audio/opus", ".m4a": "audio/mp4",
		".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/matroska", ".avi": "video/x-msvideo", ".mov": "video/quicktime",
		".pdf": "application/pdf", ".npy": "application/x-npy", ".npz": "application/x-npz", ".zip": "application/zip",
		".pt": "application/x-pytorch", ".safetensors": "application/x-safetensors", ".stl": "model/stl", ".glb": "model/gltf-binary",
		".ply": "application/x-ply",
	}
}

// texts gives the media types of files that may hold rows, where they are published as objects.
func texts() map[string]string {
	return map[string]string{
		".tar": "application/x-tar", ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain", ".md": "text/markdown",
		".json": "application/json", ".jsonl": "application/jsonl", ".ndjson": "application/x-ndjson", ".xml": "application/xml",
		".html": "text/html", ".htm": "text/html", ".parquet": "application/vnd.apache.parquet",
		".arrow": "application/vnd.apache.arrow.file", ".gz": "application/gzip", ".zst": "application/zstd",
	}
}

// IsNamed says whether a file is an object by its name: nothing in it could be read as rows.
func IsNamed(name string) bool { return byName(name, named()) != "" }

// ByName gives the media type that a name says; application/octet-stream where it says none.
func ByName(name string) string {
	return cmp.Or(byName(name, named()), byName(name, texts()), unknown)
}

// byName finds the media type of a name, "" where it has none.
func byName(name string, types map[string]string) string {
	file := strings.ToLower(path.Base(name))
	ext := path.Ext(file)
	return cmp.Or(types[path.Ext(strings.TrimSuffix(file, ext))+ext], types[ext])
}

// signatures are first bytes that the library does not know.
func signatures() map[string]string {
	return map[string]string{
		"CDF\x01": "application/x-netcdf", "CDF\x02": "application/x-netcdf", "CDF\x05": "application/x-netcdf",
		"\x89HDF\r\n\x1a\n": "application/x-hdf5", "\x0e\x03\x13\x01": "application/x-hdf", "GRIB": "application/x-grib",
		"LASF": "application/vnd.las", "NRRD000": "application/x-nrrd", "\x93NUMPY": "application/x-npy",
	}
}

// containers are types that others are made of, whose first bytes are theirs: a name says more.
func containers() []string {
	return []string{
		unknown, "application/zip", "application/gzip", "application/xml", "application/json", "image/tiff", "application/x-hdf5",
		"application/vnd.las", "application/vnd.sqlite3", "video/mp4", "application/ogg", "application/x-tar",
	}
}

// TypeOf gives the media type of an object of a name and first bytes. What the bytes say stands
// before what the name says where it is certain; note says so then.
func TypeOf(name string, head []byte) (media, note string) {
	head = head[:min(len(head), HeadLength)]
	said := cmp.Or(byName(name, named()), byName(name, texts()))
	is := sniff(head)
	switch {
	case said == "":
		return is, ""
	case said == is || strings.HasPrefix(is, "text/") || slices.Contains(containers(), is):
		return said, ""
	case mimetype.EqualsAny(said, is) || alias(said, is):
		return said, ""
	}
	return is, fmt.Sprintf("its name says %s, its first bytes are of %s; it is given as the latter", said, is)
}

// alias says whether two names are of one type, as the library knows them.
func alias(a, b string) bool {
	m := mimetype.Lookup(b)
	return m != nil && m.Is(a)
}

// sniff gives the media type that first bytes are of.
func sniff(head []byte) string {
	for first, media := range signatures() {
		if bytes.HasPrefix(head, []byte(first)) {
			return media
		}
	}
	if len(head) == 0 {
		return unknown
	}
	media, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return media
}
