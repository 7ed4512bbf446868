package media

import (
	"cmp"
	"strings"
	"testing"
)

func TestTypeOf(t *testing.T) {
	const png, jpeg, hdf = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "\xff\xd8\xff\xe0\x00\x10JFIF", "\x89HDF\r\n\x1a\n"
	dicom := string(make([]byte, 128)) + "DICM"
	for _, c := range []struct{ name, head, media, note string }{
		{"a.png", png, "image/png", ""},
		{"a.jpg", png, "image/png", "its name says image/jpeg, its first bytes are of image/png"},
		{"a", jpeg, "image/jpeg", ""},
		{"a.bin", "\x00\x01\x02", "application/octet-stream", ""},
		{"a.bin", "", "application/octet-stream", ""},
		{"a.txt", "", "text/plain", ""},
		{"A.DCM", dicom, "application/dicom", ""},
		{"IM-0001", dicom, "application/dicom", ""},
		{"a.nc", "CDF\x05", "application/x-netcdf", ""},
		{"a.nc", hdf, "application/x-netcdf", ""}, // NetCDF-4 is made of HDF5
		{"a", hdf, "application/x-hdf5", ""},
		{"a.nii.gz", "\x1f\x8b\x08\x00", "application/x-nifti", ""},
		{"a.tif", "II*\x00", "image/tiff", ""},
		{"a.csv", "a,b\n1,2\n3,4\n", "text/csv", ""},
		{"a.html", "<html>", "text/html", ""},
		{"a.npy", "\x93NUMPY\x01\x00", "application/x-npy", ""},
		{"a.png", "plain words", "image/png", ""}, // not certain
		{"a.pdf", "%PDF-1.7\n", "application/pdf", ""},
	} {
		media, note := TypeOf(c.name, []byte(c.head))
		if media != c.media || !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
			t.Errorf("%s %.20q: %s, %q; want %s, %q", c.name, c.head, media, note, c.media, c.note)
		}
	}
	for name, is := range map[string]bool{"a.JPG": true, "b/a.nii.gz": true, "a.csv.gz": false, "a.csv": false, "a.tar": false, "a.bin": false,
		"jpg": false, "a.json": false, "a.txt": false, "a.parquet": false} {
		if IsNamed(name) != is {
			t.Errorf("%s is an object by its name: %t", name, !is)
		}
	}
}

// Whatever bytes begin an object, its type is one, and of a name alone it is the same each time.
func FuzzTypeOf(f *testing.F) {
	f.Add("a.jpg", []byte("\xff\xd8\xff"))
	f.Add("b", []byte("PK\x03\x04"))
	f.Add("c.nc", []byte("CDF\x01"))
	f.Fuzz(func(t *testing.T, name string, head []byte) {
		media, _ := TypeOf(name, head)
		kind, rest, ok := strings.Cut(media, "/")
		if !ok || kind == "" || rest == "" || strings.ContainsAny(media, " ;\r\n") {
			t.Errorf("%q", media)
		}
		if again, _ := TypeOf(name, head); again != media {
			t.Errorf("%q and %q", media, again)
		}
	})
}

// The types that names stand for are media types, and no name is both rows and objects.
func TestTypesOfNames(t *testing.T) {
	both := texts()
	for ext, media := range named() {
		if _, twice := both[ext]; twice || ext[0] != '.' || strings.ToLower(ext) != ext || strings.Count(media, "/") != 1 {
			t.Errorf("%s is %s", ext, media)
		}
	}
	for _, media := range signatures() {
		if strings.Count(media, "/") != 1 {
			t.Errorf("a signature is of %q", media)
		}
	}
	for name, want := range map[string]string{"x.tar": "application/x-tar", "X.NII.GZ": "application/x-nifti", "a.b.png": "image/png", "png": ""} {
		if got := cmp.Or(byName(name, named()), byName(name, texts())); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}
