//go:build !linux

package wal

func syncData(uintptr) (rc int32, can bool) { return 0, false }
