package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// A version may be an earlier one and added shards [decisions.md 9]: what is there
// already is not read again, what comes must fit, and nothing comes twice.
func TestBaseAndAddedShards(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Daily yields", csvRows(3000, 0), csvRows(500, 3000))
	prefix := g.bucket + string(d.ID) + "/"
	path := "/datasets/" + string(d.ID) + "/versions"
	add := func(n int, b []byte) {
		t.Helper()
		_, err := g.store().Put(t.Context(), g.rig.S3.Bucket, fmt.Sprintf("%spart-%03d.csv", prefix, n), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
	}
	publish := func(version, base, prefix string) (schemas.VersionSummary, error) {
		p := g.publication(version, prefix)
		p.Base = schemas.VersionID(base)
		err := g.as("agronomy").Post(t.Context(), path, p, nil)
		if err != nil {
			return schemas.VersionSummary{}, err
		}
		return g.as("agronomy").WaitPublished(t.Context(), d.ID, p.Version, nil)
	}
	refused := func(what string, err error, kind schemas.Kind, words string) {
		t.Helper()
		if schemas.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want %q", what, err, words)
		}
	}
	_, err := publish("v2", "v0", prefix)
	refused("a base that is not there", err, schemas.Invalid, "/base")
	_, err = publish("v2", "v1", prefix)
	refused("nothing new", err, schemas.Invalid, "is new since version v1")
	add(2, csvRows(700, 3500))
	v, err := publish("v2", "v1", prefix)
	if err != nil || v.Rows != 4200 || v.Shards != 3 || v.Tables != 1 {
		t.Fatalf("v2 is %+v, %v", v, err)
	}

	var before, after schemas.Version
	g.get("agronomy", path+"/v1/manifest", &before)
	g.get("agronomy", path+"/v2/manifest", &after)
	for i, sh := range before.Data[0].Splits[0].Shards {
		if got := after.Data[0].Splits[0].Shards[i]; got.Key != sh.Key || got.ETag != sh.ETag {
			t.Errorf("shard %d moved from %s to %s", i, sh.Key, got.Key)
		}
	}
	id := g.granted(d.ID)[0]
	lease := g.lease(id).Token
	var rows int64
	for rank := range 3 {
		rows += g.streamAll(lease, id, fmt.Sprintf("world=3&rank=%d&seed=5", rank))
	}
	if rows != 4200 {
		t.Errorf("three ranks read %d rows, want 4200", rows)
	}

	// What does not fit fails the new version and leaves the old one as it is.
	add(3, []byte("id,crop\n1,rye\n"))
	_, err = publish("v3", "v2", prefix)
	refused("other columns", err, schemas.Invalid, "the shard has 2 columns")
	again := g.put("again", csvRows(700, 3500))
	_, err = publish("v4", "v2", again)
	refused("the same bytes under another key", err, schemas.Invalid, "the same bytes already")
	add(1, csvRows(501, 3000))
	_, err = publish("v5", "v2", prefix)
	refused("an object that changed", err, schemas.Conflict, "changed since version v2")
	p := g.publication("v6", "")
	p.Base, p.Tables[0].Splits[0].Keys = "v2", []string{prefix + "part-001.csv"}
	refused("a key that the base holds", g.as("agronomy").Post(t.Context(), path, p, nil), schemas.Invalid, "holds "+prefix)
	part := after.Data[0].Splits[0].Shards[0] // where the version really reads
	_, err = g.store().Put(t.Context(), part.Bucket, part.Key, strings.NewReader("gone"), 4)
	if err != nil {
		t.Fatal(err)
	}
	_, err = publish("v7", "v2", g.put("more", csvRows(10, 9000)))
	refused("a base that is broken", err, schemas.Invalid, "not as it was when version v2")
	g.get("agronomy", "/datasets/"+string(d.ID), &d)
	if d.Latest.Version != "v2" {
		t.Errorf("the latest version is %s", d.Latest.Version)
	}
}
