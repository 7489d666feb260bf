//go:build !linux

package wal

import "os"

// Reserve does nothing where a file cannot be given room ahead.
func Reserve(*os.File, int64) error { return nil }
