package file

import (
	"fmt"
	"strings"

	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// Objects of a split are files that are read as they lie. Those that are read one after another
// under one lease are one release, whose rows they are, so that a job that reads a million
// pictures does not write two million records:
//
//	split     │ cat.jpg │ dog.jpg │ elk.jpg │      begun: at most 3 rows and the bytes of all
//	            row 0     row 1     row 2
//	read        dog.jpg, elk.jpg, dog.jpg          charged: 2 rows, the bytes that leave
//	record    objects=1-2                          ended: which of them, by their places by name

// group is what files have in common that are read as one release.
type group struct {
	key   string
	first int // row of this file
	split *schemas.Split
}

// LookObject finds the object at a place of a split as a file, whose ETag is the SHA-256 of its
// bytes. Nothing is read for it.
func LookObject(v *schemas.Version, t *schemas.Table, s *schemas.Split, at int) *File {
	one := &schemas.Split{Name: s.Name, Shards: s.Shards[at : at+1]}
	sh := &one.Shards[0]
	f := &File{Source: plan.NewObjects(*v, t, one), ETag: sh.SHA256, Size: sh.Size, batches: []batchSpan{{0, sh.Size, 1}}}
	if sh.Size > 0 {
		f.sections = []section{{n: sh.Size}}
	}
	f.group = &group{key: fmt.Sprintf("objects %s/%s/%s/%s", v.Dataset, v.Version, t.Name, s.Name), first: at, split: s}
	return f
}

// MediaType is that of an object; "" of a shard.
func (f *File) MediaType() string { return f.Source.StoredShard(f.Shard).MediaType }

// SHA256 is that of an object's bytes, in hex; "" of a shard, which a view may have changed.
func (f *File) SHA256() string {
	if f.group == nil {
		return ""
	}
	return f.Source.StoredShard(f.Shard).SHA256
}

// release is one that covers a group once.
func (g *group) release() schemas.Release {
	r := schemas.Release{Ask: "objects", MostRows: int64(len(g.split.Shards))}
	for i := range g.split.Shards {
		r.MostBytes += g.split.Shards[i].Size
	}
	return r
}

// joined is the key of the release that a file's ranges join, with how many batches all of its
// files have and which is the file's first.
func (f *File) joined() (key string, batches, first int) {
	if f.group == nil {
		return f.ETag, len(f.batches), 0
	}
	return f.group.key, len(f.group.split.Shards), f.group.first
}

// NameObjects says, as the record of a release does, which objects of a split these files are.
func NameObjects(files []*File) string {
	if len(files) == 0 {
		return ""
	}
	touched := make([]bool, len(files[0].group.split.Shards))
	for _, f := range files {
		touched[f.group.first] = true
	}
	return nameTouched(touched)
}

// maxTouched is the longest list of objects that a record has.
const maxTouched = 2000

// nameTouched says which objects of a split a release had, by their places.
func nameTouched(touched []bool) string {
	var b strings.Builder
	b.WriteString("objects=")
	left := 0
	for i := 0; i < len(touched); i++ {
		if !touched[i] {
			continue
		}
		first := i
		for i+1 < len(touched) && touched[i+1] {
			i++
		}
		if b.Len() > maxTouched {
			left += i - first + 1
			continue
		}
		if first > 0 && b.Len() > len("objects=") {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, first)
		if i > first {
			fmt.Fprintf(&b, "-%d", i)
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, " and %d more", left)
	}
	return b.String()
}
