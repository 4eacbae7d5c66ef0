package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Checkpoints in folders and in shards, as Hugging Face's libraries save them.

// wholes are the files that may hold all of a folder's checkpoint, the first that is there;
// each may be in shards, of which NAME.index.json tells.
var wholes = []string{"model.safetensors", "pytorch_model.bin", "diffusion_pytorch_model.safetensors"}

const (
	indexSuffix = ".index.json"
	configName  = "config.json"
	maxIndex    = 64 << 20
	maxShards   = 4096
)

// shardList are the files of a checkpoint, and which of them has each tensor; where is nil
// for a file that is whole.
type shardList struct {
	dir   string
	files []string
	where map[string]string
	arch  string
}

// shards finds the files of a checkpoint that is a folder or a list of shards; nil for any
// other path.
func shards(path string) (*shardList, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil // load says it
	}
	if !info.IsDir() {
		if !strings.HasSuffix(path, indexSuffix) {
			return nil, nil
		}
		return readIndex(filepath.Dir(path), filepath.Base(path))
	}
	for _, name := range wholes {
		for _, file := range []string{name, name + indexSuffix} {
			if _, err := os.Stat(filepath.Join(path, file)); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			l := &shardList{dir: path, files: []string{file}}
			if file != name {
				if l, err = readIndex(path, file); err != nil {
					return nil, err
				}
			}
			l.arch = architecture(filepath.Join(path, configName))
			return l, nil
		}
	}
	return nil, nil // load says what the folder is
}

// readIndex reads {"weight_map": {TENSOR: FILE}}.
func readIndex(dir, name string) (*shardList, error) {
	b, err := readSmall(filepath.Join(dir, name), maxIndex)
	if err != nil {
		return nil, err
	}
	var index struct {
		Where map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &index); err != nil || len(index.Where) == 0 {
		return nil, &Refused{What: name + " is no list of shards: want a weight_map", Hint: "fetch it again", Err: err}
	}
	l := &shardList{dir: dir, where: index.Where}
	for tensor, file := range index.Where {
		if !filepath.IsLocal(file) || strings.ContainsAny(file, `/\`) {
			return nil, &Refused{What: fmt.Sprintf("%s: tensor %.80q lies in %.80q, which is no file beside it", name, tensor, file)}
		}
		if !slices.Contains(l.files, file) {
			if l.files = append(l.files, file); len(l.files) > maxShards {
				return nil, &Refused{What: fmt.Sprintf("%s names more than %d files", name, maxShards)}
			}
		}
	}
	slices.Sort(l.files)
	return l, nil
}

func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &Refused{What: fmt.Sprintf("%s is no file of at most %d MiB", filepath.Base(path), limit>>20)}
	}
	return os.ReadFile(path)
}

// architecture is what a config.json calls the network: timm's "architecture".
func architecture(path string) string {
	b, err := readSmall(path, 1<<20)
	if err != nil {
		return ""
	}
	var config struct {
		Architecture string `json:"architecture"`
	}
	if json.Unmarshal(b, &config) != nil {
		return ""
	}
	return config.Architecture
}

// readShards reads the files of a checkpoint as one, in the order of their names.
func (f *File) readShards(l *shardList) error {
	var all []Named
	for _, name := range l.files {
		path := filepath.Join(l.dir, name)
		c, err := load(path)
		if err != nil {
			return err
		}
		f.mapped = append(f.mapped, c)
		one := &File{Path: path, raw: l.where != nil}
		if l.where == nil {
			one.part = f.part
		}
		if err := one.read(c); err != nil {
			return at(path, err)
		}
		if one.Graph != nil {
			return &Refused{Path: path, What: "is a whole model where tensors were expected"}
		}
		f.Format, f.Bytes = one.Format, f.Bytes+c.size()
		f.Files = append(f.Files, path)
		f.Warnings = append(f.Warnings, one.Warnings...)
		f.Network, f.Arch = one.Network, one.Arch
		f.Stray = append(f.Stray, one.Stray...)
		if l.where == nil {
			f.Tensors = one.Tensors
			break
		}
		for _, t := range one.Tensors {
			if at := l.where[t.Name]; at != name {
				return &Refused{Path: path, What: fmt.Sprintf("holds the tensor %.80q, which the list of shards has in %.80q", t.Name, at), Hint: "fetch the whole folder again"}
			}
			delete(l.where, t.Name)
			all = append(all, t)
		}
	}
	if l.arch != "" {
		f.Arch = l.arch
	}
	if l.where == nil {
		return nil
	}
	for _, t := range slices.Sorted(maps.Keys(l.where)) {
		name := l.where[t]
		return &Refused{Path: filepath.Join(l.dir, name), What: fmt.Sprintf("lacks the tensor %.80q that the list of shards has there", t), Hint: "fetch the whole folder again"}
	}
	return f.setPart(all, nil)
}
