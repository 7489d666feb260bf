//go:build !linux

package main

import "errors"

const roleUnsynced = "without-syncs"

func execUnsynced([]string) error { return errors.New("only Linux can leave syncs out") }
