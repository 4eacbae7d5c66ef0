package torch

import (
	"fmt"
	"slices"
	"strings"
)

// globals is the allow-list: everything that a pickle may name, under its full Python
// name. Each is answered with inert data built here; nothing is imported or run.
// Types of storages and elements are added from the table of dtypes by resolve.
var globals = map[string]func(m *machine, args []any) (any, error){
	"torch._utils._rebuild_tensor":                        rebuildTensor,
	"torch._utils._rebuild_tensor_v2":                     rebuildTensor,
	"torch._utils._rebuild_tensor_v3":                     rebuildTensorV3,
	"torch._utils._rebuild_parameter":                     rebuildParameter,
	"torch._utils._rebuild_parameter_with_state":          rebuildParameter,
	"torch._tensor._rebuild_from_type_v2":                 rebuildFromType,
	"torch._utils._rebuild_qtensor":                       unknownForm("quantized tensor"),
	"torch._utils._rebuild_sparse_tensor":                 unknownForm("sparse tensor"),
	"torch._utils._rebuild_sparse_csr_tensor":             unknownForm("sparse tensor"),
	"torch._utils._rebuild_nested_tensor":                 unknownForm("nested tensor"),
	"torch._utils._rebuild_meta_tensor_no_storage":        unknownForm("tensor without data (meta)"),
	"torch._utils._rebuild_device_tensor_from_numpy":      unknownForm("device tensor"),
	"torch._utils._rebuild_device_tensor_from_cpu_tensor": unknownForm("device tensor"),

	"torch.per_tensor_affine":                inert("quantization scheme"),
	"torch.per_channel_affine":               inert("quantization scheme"),
	"torch.per_tensor_symmetric":             inert("quantization scheme"),
	"torch.per_channel_symmetric":            inert("quantization scheme"),
	"torch.per_channel_affine_float_qparams": inert("quantization scheme"),

	"torch.Size":                      asTuple,
	"torch.device":                    inert("torch.device"),
	"torch.Tensor":                    nil,
	"torch.nn.parameter.Parameter":    nil,
	"torch.nn.parameter.Buffer":       nil,
	"torch.serialization._get_layout": inert("layout"),

	"collections.OrderedDict": asDict,
	"collections.defaultdict": asEmptyDict,
	"collections.Counter":     asEmptyDict,
	"collections.deque":       asList,
	"builtins.dict":           asDict,
	"builtins.list":           asList,
	"builtins.set":            asList,
	"builtins.frozenset":      asList,
	"builtins.tuple":          asTuple,
	"builtins.bytes":          asBytes,
	"builtins.bytearray":      asBytes,
	"builtins.int":            inert("int"),
	"builtins.float":          inert("float"),
	"builtins.bool":           inert("bool"),
	"builtins.str":            inert("str"),
	"builtins.complex":        inert("complex"),
	"builtins.slice":          inert("slice"),
	"builtins.range":          inert("range"),
	"builtins.object":         inert("object"),
	"_codecs.encode":          encode,
	"copyreg._reconstructor":  reconstruct,

	"numpy.dtype":                        newDtype,
	"numpy.ndarray":                      nil,
	"numpy.core.multiarray.scalar":       inert("numpy scalar"),
	"numpy.core.multiarray._reconstruct": newArray,
	"numpy.core.numeric._frombuffer":     arrayFromBuffer,

	"argparse.Namespace":      inert("argparse.Namespace"),
	"types.SimpleNamespace":   inert("types.SimpleNamespace"),
	"datetime.datetime":       inert("datetime"),
	"datetime.date":           inert("date"),
	"datetime.timedelta":      inert("timedelta"),
	"pathlib.Path":            inert("path"),
	"pathlib.PosixPath":       inert("path"),
	"pathlib.PurePosixPath":   inert("path"),
	"pathlib.WindowsPath":     inert("path"),
	"pathlib.PureWindowsPath": inert("path"),
	"easydict.EasyDict":       inert("easydict.EasyDict"),
	"yacs.config.CfgNode":     inert("yacs.config.CfgNode"),
}

// renamed are modules that stand under another name in other versions of Python,
// NumPy and PyTorch.
var renamed = map[string]string{
	"__builtin__": "builtins", "copy_reg": "copyreg",
	"numpy._core.multiarray": "numpy.core.multiarray", "numpy._core.numeric": "numpy.core.numeric",
	"torch.storage": "torch", "torch.cuda": "torch", "torch.tensor": "torch._tensor",
	"pathlib._local": "pathlib",
}

// resolve answers a name: a *global, a *dtype or a *storageClass. A name that is not on
// the list is refused.
func (m *machine) resolve(module, name string) (any, error) {
	if to, ok := renamed[module]; ok {
		module = to
	}
	full := module + "." + name
	if call, ok := globals[full]; ok {
		return &global{full, call}, nil
	}
	if module == "torch" {
		for i := range dtypes {
			d := &dtypes[i]
			if name == d.dtype.name {
				return &d.dtype, nil
			}
			if name == d.storage && name != "" {
				return &storageClass{&d.dtype}, nil
			}
		}
		if name == "UntypedStorage" || name == "_UntypedStorage" {
			return &storageClass{}, nil
		}
	}
	return m.foreign(module, full)
}

// dangerous are modules of Python whose functions no model needs.
var dangerous = []string{"posix", "nt", "os", "subprocess", "sys", "builtins", "importlib", "runpy", "socket", "shutil", "webbrowser", "operator", "pickle", "pty", "timeit", "code", "ctypes",
	"asyncio", "multiprocessing", "threading", "signal", "marshal", "types", "inspect", "urllib", "requests", "http", "ftplib", "smtplib", "tempfile", "platform", "commands", "pydoc", "bdb", "pdb", "profile", "cProfile", "trace", "linecache", "imp", "pip", "IPython"}

// foreign answers a name that is not on the list: a class or function of somebody's code,
// which stands for an inert instance. What a file could only want to run is refused.
func (m *machine) foreign(module, full string) (any, error) {
	root, _, _ := strings.Cut(module, ".")
	if slices.Contains(dangerous, root) || module == "" {
		r := refuse(m.where(m.pos), "the pickle calls for %s: nothing was run", clip(full))
		r.Hint = "PyTorch would run it on loading: do not trust this file"
		return nil, r
	}
	if err := m.spend(len(full)); err != nil {
		return nil, err
	}
	return &global{full, instance(full)}, nil
}

// clip keeps a name from a file fit for one line.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}

func (m *machine) pushGlobal(op byte) error {
	var v any
	var err error
	if op == opGlobal {
		v, err = m.namedGlobal()
	} else {
		var name, module any
		if name, err = m.pop(); err == nil {
			module, err = m.pop()
		}
		if err != nil {
			return err
		}
		n, ok := name.(string)
		mod, ok2 := module.(string)
		if !ok || !ok2 || len(n) > maxName || len(mod) > maxName {
			return m.fail("a global without module and name")
		}
		v, err = m.resolve(mod, n)
	}
	if err != nil {
		return err
	}
	if err := m.spend(64); err != nil {
		return err
	}
	m.push(v)
	return nil
}

// namedGlobal reads module and name, each on a line.
func (m *machine) namedGlobal() (any, error) {
	module, err := m.line()
	if err != nil {
		return nil, err
	}
	name, err := m.line()
	if err != nil {
		return nil, err
	}
	return m.resolve(string(module), string(name))
}

func inert(class string) func(*machine, []any) (any, error) {
	return func(*machine, []any) (any, error) { return &object{class: class}, nil }
}

func unknownForm(form string) func(*machine, []any) (any, error) {
	return func(*machine, []any) (any, error) { return &unknownTensor{form}, nil }
}

func asTuple(m *machine, args []any) (any, error) {
	items, err := m.items(args)
	return &tuple{items}, err
}

func asList(m *machine, args []any) (any, error) {
	items, err := m.items(args)
	return &list{items}, err
}

// items returns the items of the one sequence among a constructor's arguments.
func (m *machine) items(args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	var from []any
	switch v := args[0].(type) {
	case *tuple:
		from = v.items
	case *list:
		from = v.items
	case *dict:
		from = v.keys
	default:
		return nil, m.fail("makes a sequence of a value that is none")
	}
	if err := m.spend(16 * len(from)); err != nil {
		return nil, err
	}
	return append([]any(nil), from...), nil
}

func asEmptyDict(*machine, []any) (any, error) { return &dict{}, nil }

// asDict makes a dict of nothing, of another, or of a list of pairs (Python 2).
func asDict(m *machine, args []any) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	if src, ok := args[0].(*dict); ok {
		if err := m.spend(32 * len(src.keys)); err != nil {
			return nil, err
		}
		d.keys, d.vals = slices.Clone(src.keys), slices.Clone(src.vals)
		return d, nil
	}
	pairs, err := m.items(args)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		kv, err := m.items([]any{p})
		if err != nil {
			return nil, err
		}
		if err := m.setPairs(d, kv); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func asBytes(m *machine, args []any) (any, error) {
	if len(args) == 0 {
		return []byte{}, nil
	}
	switch v := args[0].(type) {
	case []byte:
		return v, nil
	case string:
		return encode(m, args)
	}
	return &object{class: "bytes"}, nil
}

// encode is _codecs.encode(text, 'latin1'), how protocol 2 spells bytes.
func encode(m *machine, args []any) (any, error) {
	if len(args) == 0 {
		return nil, m.fail("_codecs.encode without a string")
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, m.fail("_codecs.encode of a value that is no string")
	}
	if err := m.spend(len(s)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			return nil, m.fail("_codecs.encode: %q is not in latin1", r)
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// reconstruct is copyreg._reconstructor(class, base, state) of protocols 0 and 1.
func reconstruct(m *machine, args []any) (any, error) {
	if len(args) < 1 {
		return nil, m.fail("copyreg._reconstructor without a class")
	}
	return m.call(args[0], nil)
}
