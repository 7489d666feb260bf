package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// roleUnsynced makes this program another one, to which the kernel answers every
// sync at once, as done, without doing it. The other program is what it always is;
// so no program needs a way to leave syncs out.
const roleUnsynced = "without-syncs"

func execUnsynced(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: no command", roleUnsynced)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the filter is a thread's, and exec leaves this one only
	if err := skipSyncs(); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return fmt.Errorf("exec %s: %w", path, syscall.Exec(path, args, os.Environ()))
}

// skipSyncs is a seccomp filter: a sync returns error number 0, which is success.
func skipSyncs() error {
	calls := []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNCFS, unix.SYS_SYNC, unix.SYS_SYNC_FILE_RANGE}
	const numberAt = 0 // struct seccomp_data begins with the call's number
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: numberAt}}
	for i, nr := range calls {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(calls) - i), K: nr})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); e == 0 {
		return nil
	}
	// Who may not add a filter may do so after giving up set-user-ID programs.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); e != 0 {
		return e
	}
	return nil
}
