package files

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"guichet/schemas"
)

// Secret reads a secret file.
func Secret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: path,
			Message: fmt.Sprintf("the secret file %s cannot be read: %s", path, reasonOf(err)),
			Err:     err,
		}
	}
	if st.Mode().IsRegular() && runtime.GOOS != "windows" && st.Mode().Perm()&0o027 != 0 { // a service's group may read
		return "", &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: path,
			Message: fmt.Sprintf("others may read or change the secret file %s (mode %04o)", path, st.Mode().Perm()),
			Remedy:  "chmod 600 " + path + ", and renew the secret if anybody else has been on this machine",
		}
	}
	return Text(path)
}

// reasonOf is the system's word without the path, which was said already.
func reasonOf(err error) string {
	if p, is := errors.AsType[*os.PathError](err); is {
		return p.Err.Error()
	}
	return err.Error()
}

// Text reads a file that holds one text.
func Text(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", schemas.Errorf(schemas.Invalid, path, "the file %s cannot be read: %w", path, err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", schemas.Errorf(schemas.Invalid, path, "the file %s is empty", path)
	}
	return s, nil
}
