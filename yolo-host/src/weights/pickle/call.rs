//! What the known names do when a pickle calls them: each makes one object, and none does anything else.

use super::global::{Global, no_method};
use super::heap::{Object, Storage, Tensor, Value};
use super::machine::Machine;
use crate::weights::ErrorKind;

/// The most dimensions a tensor may have; no network here has more than five.
const MAX_RANK: usize = 8;

/// Methods by which `fuse()` replaces a module's `forward`, before v6.0 and since.
const METHODS: [&str; 3] = ["forward", "forward_fuse", "fuseforward"];

impl<'a> Machine<'a, '_> {
    /// Calls `callee` with the tuple `args`.
    pub(super) fn call_value(&mut self, callee: Value, args: Value) -> Result<Value, ErrorKind> {
        let Some(Object::Tuple(args)) = self.heap.object(args) else {
            return Err(self.fault("arguments that are no tuple"));
        };
        // No call looks at more than four; taking no more keeps a long tuple, used in many calls, harmless.
        let args: Vec<Value> = args.iter().take(4).copied().collect();
        self.call(callee, &args)
    }

    /// Calls `callee` with `args`.
    pub(super) fn call(&mut self, callee: Value, args: &[Value]) -> Result<Value, ErrorKind> {
        if let Some(Object::Class(class)) = self.heap.object(callee) {
            let class = *class;
            return self.add(Object::Module { class, state: Value::None });
        }
        let Value::Global(callee) = callee else {
            return Err(self.fault("a call of what is no class"));
        };
        match callee {
            // A defaultdict is given the class of its defaults. The items come by later instructions.
            Global::Dict if matches!(args, [] | [Value::Global(_) | Value::None]) => {
                self.add(Object::Dict(vec![]))
            }
            Global::Dict => Err(self.fault("a dict with initial items, as Python 2 wrote it")),
            Global::Set => {
                let items = args.first().and_then(|items| self.heap.items(*items)).unwrap_or_default();
                self.budget.take(size_of_val(items), "the sets in the pickle")?;
                let items = items.to_vec();
                self.add(Object::Set(items))
            }
            Global::Tensor => {
                let tensor =
                    self.tensor(args).ok_or_else(|| self.fault("a tensor with senseless arguments"))?;
                self.budget.take(size_of_val(&*tensor.shape) * 2, "the number of tensors")?;
                self.add(Object::Tensor(tensor))
            }
            // A parameter is its tensor: whether it learns is not said by the weights.
            Global::Parameter => {
                args.first().copied().ok_or_else(|| self.fault("a parameter without a tensor"))
            }
            Global::Opaque => Ok(Value::Opaque),
            Global::Attribute => self.method(args),
            // Classes of modules are objects of their own.
            Global::Module | Global::Storage(_) => Err(self.fault("a class called that makes nothing")),
        }
    }

    /// `getattr(module, name)` of a module's own method, which nothing here calls: what it computes, the graph does.
    fn method(&self, args: &[Value]) -> Result<Value, ErrorKind> {
        let [object, name] = args else { return Err(no_method()) };
        let is_module = matches!(self.heap.object(*object), Some(Object::Module { .. }));
        match self.heap.str(*name) {
            Some(name) if is_module && METHODS.contains(&name) => Ok(Value::Opaque),
            _ => Err(no_method()),
        }
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, …)`; offset and strides count elements.
    fn tensor(&self, args: &[Value]) -> Option<Tensor<'a>> {
        let [storage, offset, shape, strides, ..] = args else {
            return None;
        };
        let Some(Object::Storage(storage)) = self.heap.object(*storage) else {
            return None;
        };
        let (shape, strides) = (self.sizes(*shape)?, self.sizes(*strides)?);
        let offset = size(*offset)?;
        (shape.len() == strides.len()).then_some(Tensor { storage: *storage, offset, shape, strides })
    }

    fn sizes(&self, tuple: Value) -> Option<Vec<usize>> {
        let items = self.heap.items(tuple).filter(|items| items.len() <= MAX_RANK)?;
        items.iter().map(|item| size(*item)).collect()
    }

    /// Sets the state of `object`, which the pickle made by a call.
    pub(super) fn build(&mut self, object: Value, new: Value) -> Result<(), ErrorKind> {
        match self.heap.object_mut(object) {
            Some(Object::Module { state, .. }) if *state == Value::None => *state = new,
            // A state dict carries the versions of its modules as an attribute.
            Some(Object::Dict(_)) => {}
            _ if object == Value::Opaque => {}
            _ => return Err(self.fault("state for what has none")),
        }
        Ok(())
    }

    /// Resolves torch's identifiers: `("storage", class, key, device, length)`, to which the older format adds a view
    /// that is always `None` by now, and `("module", class, file, source)`, by which it names classes.
    pub(super) fn persistent(&mut self, id: Value) -> Result<Value, ErrorKind> {
        let items = self.heap.items(id).unwrap_or_default();
        let items = items.strip_suffix(&[Value::None]).unwrap_or(items);
        let kind = items.first().and_then(|kind| self.heap.str(*kind));
        let storage = match (kind, items) {
            (Some("module"), [_, class, ..])
                if matches!(self.heap.object(*class), Some(Object::Class(_))) =>
            {
                return Ok(*class);
            }
            (Some("storage"), [_, Value::Global(Global::Storage(element)), key, _, len]) => {
                let (key, len) = (self.heap.str(*key), size(*len));
                key.zip(len).map(|(key, len)| Storage { key, element: *element, len })
            }
            _ => None,
        };
        let storage = storage.ok_or_else(|| self.fault("a reference to nothing in the file"))?;
        self.add(Object::Storage(storage))
    }
}

fn size(value: Value) -> Option<usize> {
    match value {
        Value::Int(size) => usize::try_from(size).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::heap::Heap;
    use super::*;
    use crate::weights::budget::Budget;
    use crate::weights::element::Element;

    /// Runs `bytes` and shows what is on the heap at the end.
    fn last(bytes: &[u8]) -> Result<String, ErrorKind> {
        let (mut heap, mut budget) = (Heap::default(), Budget::for_file(bytes.len()));
        let value = Machine::new(bytes, 0, &mut heap, &mut budget).run(&mut 0)?;
        Ok(heap.object(value).map_or(format!("{value:?}"), |object| format!("{object:?}")))
    }

    const STORAGE: &[u8] = b"(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\x007X\x03\0\0\0cpuK\x06tQ";

    /// A call of the tensor function with the storage above and `rest`.
    fn tensor(rest: &[u8]) -> Vec<u8> {
        [b"ctorch._utils\n_rebuild_tensor_v2\n(", STORAGE, rest, b"tR"].concat()
    }

    #[test]
    fn storages_and_tensors() {
        let storage = Storage { key: "7", element: Element::F16, len: 6 };
        assert_eq!(last(&[STORAGE, b"."].concat()).unwrap(), format!("{:?}", Object::Storage(storage)));

        let view = Tensor { storage, offset: 1, shape: vec![2, 3], strides: vec![3, 1] };
        let view = format!("{:?}", Object::Tensor(view));
        let call = tensor(b"K\x01K\x02K\x03\x86K\x03K\x01\x86\x89N");
        assert_eq!(last(&[&call, &b"."[..]].concat()).unwrap(), view);
        let parameter = [b"ctorch._utils\n_rebuild_parameter\n(", &call[..], b"\x88NtR."].concat();
        assert_eq!(last(&parameter).unwrap(), view);
    }

    #[test]
    fn senseless_tensors_are_refused() {
        let nine = b"K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t2";
        for rest in [
            &b""[..],
            b"K\0)",
            b"J\xff\xff\xff\xff))",
            b"K\0K\x01\x85)",
            b"K\0N)",
            b"K\0J\xff\xff\xff\xff\x85K\x01\x85",
            nine,
        ] {
            let error = last(&tensor(rest)).unwrap_err().to_string();
            assert!(error.contains("a tensor with senseless arguments"), "{rest:x?}: {error}");
        }
    }

    #[test]
    fn modules_hold_their_state() {
        assert_eq!(
            last(b"cmodels.yolo\nDetect\n)\x81}b.").unwrap(),
            "Module { class: \"Detect\", state: Object(Id(3)) }"
        );
        assert_eq!(last(b"(X\x06\0\0\0modulecmodels.yolo\nDetect\nNNtQ.").unwrap(), "Class(\"Detect\")");
        assert!(last(b"cmodels.yolo\nDetect\n)\x81}b}b.").is_err());
    }

    #[test]
    fn only_a_module_s_known_methods_can_be_taken() {
        let of = |object: &[u8], name: &str| {
            let length = (name.len() as u32).to_le_bytes();
            let call = [b"c__builtin__\ngetattr\n(", object, b"X", &length, name.as_bytes(), b"tR."].concat();
            last(&call)
        };
        let module = b"cmodels.common\nConv\n)\x81";
        assert_eq!(of(module, "forward_fuse").unwrap(), "Opaque");
        for (object, name) in
            [(&module[..], "__class__"), (b"cmodels.common\nConv\n", "forward"), (b"N", "forward")]
        {
            let error = of(object, name).unwrap_err();
            assert!(
                matches!(&error, ErrorKind::ForbiddenClass { class } if class == "builtins.getattr"),
                "{error}"
            );
        }
        assert!(last(b"c__builtin__\ngetattr\n)R.").is_err());
    }

    #[test]
    fn a_set_cannot_be_copied_without_end() {
        let mut bytes =
            [b"](".to_vec(), vec![b'N'; 1 << 20], b"e\x94cbuiltins\nset\n\x940".to_vec()].concat();
        for _ in 0..100 {
            bytes.extend(b"h\x01h\0\x85R0");
        }
        assert!(matches!(last(&bytes), Err(ErrorKind::TooLarge(_))));
    }
}
