package main

import (
	"strings"
	"testing"
)

func TestMakeAndLoad(t *testing.T) {
	t.Parallel()
	r, out := startRig(t, t.TempDir()), t.TempDir()
	if got := said(t, "make", "--out", out, "--mib", "3"); !strings.HasPrefix(got, "15 datasets, ") {
		t.Errorf("make says %q", got)
	}
	load := []string{"load", "--from", out, "--endpoint", r.S3.Endpoint, "--access-key", r.S3.Access, "--secret-key", r.S3.Secret}
	first := said(t, load...)
	if strings.HasPrefix(first, "0 objects") || !strings.HasSuffix(first, ", 0 were there\n") {
		t.Errorf("first load says %q", first)
	}
	if second := said(t, load...); !strings.HasPrefix(second, "0 objects sent") {
		t.Errorf("second load says %q", second)
	}
}
