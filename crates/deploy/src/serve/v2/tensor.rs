//! Named, typed tensors to raw rows.

use model::onnx::INPUT;

use super::super::rejection::Rejection;
use crate::servable::Servable;

/// An input tensor, its values as the network takes them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: &'a [i64],
    /// Row-major.
    pub(crate) values: Vec<f32>,
}

/// Element types that numbers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataType {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Fp32,
    Fp64,
}

impl DataType {
    /// The type of a tensor by its name in the protocol.
    pub(crate) fn of(tensor: &str, datatype: &str) -> Result<Self, Rejection> {
        Ok(match datatype {
            "INT8" => Self::Int8,
            "INT16" => Self::Int16,
            "INT32" => Self::Int32,
            "INT64" => Self::Int64,
            "UINT8" => Self::Uint8,
            "UINT16" => Self::Uint16,
            "UINT32" => Self::Uint32,
            "UINT64" => Self::Uint64,
            "FP32" => Self::Fp32,
            "FP64" => Self::Fp64,
            other => {
                return refused(format!(
                    "`{tensor}` has the datatype {other}; FP32, FP64, INT and UINT are read"
                ));
            }
        })
    }

    /// Reads little-endian numbers; none when they are not a whole number of them.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Vec<f32>> {
        /// Each group of `N` bytes as a number.
        fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Option<Vec<f32>> {
            let (groups, rest) = bytes.as_chunks::<N>();
            rest.is_empty()
                .then(|| groups.iter().map(|group| read(*group)).collect())
        }
        match self {
            Self::Int8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::Int16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::Int32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::Int64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::Uint8 => each(bytes, |b| f32::from(u8::from_le_bytes(b))),
            Self::Uint16 => each(bytes, |b| f32::from(u16::from_le_bytes(b))),
            Self::Uint32 => each(bytes, |b| u32::from_le_bytes(b) as f32),
            Self::Uint64 => each(bytes, |b| u64::from_le_bytes(b) as f32),
            Self::Fp32 => each(bytes, f32::from_le_bytes),
            Self::Fp64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}

/// The raw rows (n × inputs, row-major) in a request's tensors, each checked.
pub(crate) fn rows(model: &Servable, tensors: Vec<Tensor<'_>>) -> Result<Vec<f32>, Rejection> {
    for tensor in &tensors {
        check_shape(tensor)?;
    }
    let inputs = model.inputs();
    let rows = match <[Tensor<'_>; 1]>::try_from(tensors) {
        Ok([tensor]) if tensor.name == INPUT => whole(tensor, inputs)?,
        Ok([tensor]) => columns(&[tensor], inputs)?,
        Err(tensors) => columns(&tensors, inputs)?,
    };
    for (index, row) in rows.chunks(inputs.len()).enumerate() {
        let checked = model.check_row(row);
        checked.map_err(|error| Rejection::Malformed(format!("row [{index}]: {error}")))?;
    }
    Ok(rows)
}

fn check_shape(tensor: &Tensor<'_>) -> Result<(), Rejection> {
    let Tensor {
        name,
        shape,
        values,
    } = tensor;
    let size = shape.iter().try_fold(1_usize, |size, dimension| {
        size.checked_mul(usize::try_from(*dimension).ok()?)
    });
    if size == Some(values.len()) {
        return Ok(());
    }
    let found = values.len();
    refused(format!(
        "`{name}` has the shape {shape:?} and {found} values"
    ))
}

/// One tensor with all columns.
fn whole(tensor: Tensor<'_>, inputs: &[String]) -> Result<Vec<f32>, Rejection> {
    let width = inputs.len() as i64;
    match tensor.shape {
        [_, columns] if *columns == width => Ok(tensor.values),
        [columns] if *columns == width => Ok(tensor.values),
        shape => refused(format!(
            "`{INPUT}` has the shape {shape:?}, the model takes [-1, {width}]"
        )),
    }
}

/// A tensor for each column.
fn columns(tensors: &[Tensor<'_>], inputs: &[String]) -> Result<Vec<f32>, Rejection> {
    let expected = || {
        format!(
            "the model takes `{INPUT}` [-1, {}], or {} [-1] each",
            inputs.len(),
            inputs.join(", ")
        )
    };
    for (position, tensor) in tensors.iter().enumerate() {
        let name = tensor.name;
        if !inputs.iter().any(|input| input == name) {
            return refused(format!("`{name}` is not an input; {}", expected()));
        }
        if tensors[..position].iter().any(|other| other.name == name) {
            return refused(format!("`{name}` is given twice"));
        }
        if !matches!(tensor.shape, [_] | [_, 1]) {
            let shape = tensor.shape;
            return refused(format!("`{name}` has the shape {shape:?}; {}", expected()));
        }
    }
    let find = |name: &String| {
        let found = tensors.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| Rejection::Malformed(format!("`{name}` is missing; {}", expected())))
    };
    let columns = inputs.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let count = columns[0].values.len();
    if let Some(other) = columns.iter().find(|column| column.values.len() != count) {
        let (first, name, found) = (columns[0].name, other.name, other.values.len());
        return refused(format!("`{first}` has {count} values and `{name}` {found}"));
    }
    let rows = (0..count).flat_map(|row| columns.iter().map(move |column| column.values[row]));
    Ok(rows.collect())
}

fn refused<T>(problem: String) -> Result<T, Rejection> {
    Err(Rejection::Malformed(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Vec<String> {
        ["open", "high"].map(str::to_owned).to_vec()
    }

    fn tensor<'a>(name: &'a str, shape: &'a [i64], values: &[f32]) -> Tensor<'a> {
        Tensor {
            name,
            shape,
            values: values.to_vec(),
        }
    }

    fn message<T: std::fmt::Debug>(result: Result<T, Rejection>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0];
        for (name, count, first) in [
            ("INT8", 8, 1.0),
            ("UINT16", 4, 1.0),
            ("INT32", 2, 1.0),
            ("UINT64", 1, 1.0),
            ("FP32", 2, f32::from_bits(1)),
            ("FP64", 1, 0.0),
        ] {
            let values = DataType::of("x", name).unwrap().read(&bytes).unwrap();
            assert_eq!((values.len(), values[0]), (count, first), "{name}");
        }
        assert_eq!(DataType::Fp64.read(&bytes[..7]), None);
        assert_eq!(
            message(DataType::of("x", "BYTES")),
            "`x` has the datatype BYTES; FP32, FP64, INT and UINT are read"
        );
    }

    #[test]
    fn columns_are_put_together_as_rows() {
        let tensors = [
            tensor("high", &[2, 1], &[3.0, 4.0]),
            tensor("open", &[2], &[1.0, 2.0]),
        ];
        assert_eq!(columns(&tensors, &inputs()), Ok(vec![1.0, 3.0, 2.0, 4.0]));
    }

    #[test]
    fn a_shape_that_is_not_the_models_is_refused() {
        assert_eq!(
            message(check_shape(&tensor("inputs", &[2, 2], &[1.0]))),
            "`inputs` has the shape [2, 2] and 1 values"
        );
        let huge = [i64::MAX, i64::MAX];
        assert!(check_shape(&tensor("inputs", &huge, &[])).is_err());
        assert!(check_shape(&tensor("inputs", &[-1], &[1.0])).is_err());
        assert_eq!(
            message(whole(tensor("inputs", &[1, 3], &[1.0; 3]), &inputs())),
            "`inputs` has the shape [1, 3], the model takes [-1, 2]"
        );
        assert_eq!(
            message(columns(&[tensor("open", &[1, 2], &[1.0; 2])], &inputs())),
            "`open` has the shape [1, 2]; the model takes `inputs` [-1, 2], or open, high [-1] each"
        );
    }

    #[test]
    fn tensors_that_are_not_the_models_are_refused_by_name() {
        let open = tensor("open", &[1], &[1.0]);
        assert_eq!(
            message(columns(&[tensor("x", &[1], &[1.0])], &inputs())),
            "`x` is not an input; the model takes `inputs` [-1, 2], or open, high [-1] each"
        );
        assert_eq!(
            message(columns(std::slice::from_ref(&open), &inputs())),
            "`high` is missing; the model takes `inputs` [-1, 2], or open, high [-1] each"
        );
        assert_eq!(
            message(columns(&[open.clone(), open.clone()], &inputs())),
            "`open` is given twice"
        );
        assert_eq!(
            message(columns(&[open, tensor("high", &[2], &[1.0; 2])], &inputs())),
            "`open` has 1 values and `high` 2"
        );
    }
}
