package vfs

// stack is a layer over another: each does, as its call, what the other is asked.
type stack struct{ upper, lower Layer }

func (s stack) Open(path string, do func() error) (File, error) {
	var lower File
	upper, err := s.upper.Open(path, func() (err error) {
		lower, err = s.lower.Open(path, do)
		return err
	})
	return stacked{upper, lower}, err
}

func (s stack) Delete(path string, folder bool, do func() error) error {
	return s.upper.Delete(path, folder, func() error { return s.lower.Delete(path, folder, do) })
}

// stacked is a file that both layers have open.
type stacked struct{ upper, lower File }

func (f stacked) Write(p []byte, at int64, do func([]byte) error) error {
	return f.upper.Write(p, at, func(p []byte) error { return f.lower.Write(p, at, do) })
}

func (f stacked) Truncate(size int64, do func() error) error {
	return f.upper.Truncate(size, func() error { return f.lower.Truncate(size, do) })
}

func (f stacked) Sync(do func() (bool, error)) error {
	return f.upper.Sync(func() (folder bool, err error) {
		err = f.lower.Sync(func() (bool, error) {
			folder, err = do()
			return folder, err
		})
		return folder, err
	})
}

func (f stacked) Close() {
	f.upper.Close()
	f.lower.Close()
}
