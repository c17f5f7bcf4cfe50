"""KServe's Python model server with onnxruntime. Arguments: MODEL.onnx PORT."""

import sys

import kserve
import numpy as np
import onnxruntime

model_file, port = sys.argv[1:]


class OnnxModel(kserve.Model):
    def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model_file, options, providers=["CPUExecutionProvider"])
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        rows = np.array(payload["instances"], dtype=np.float32)
        return {"predictions": self.session.run(None, {"inputs": rows})[0].ravel().tolist()}


if __name__ == "__main__":
    model = OnnxModel("m")
    model.load()
    kserve.ModelServer(http_port=int(port), enable_grpc=False, access_log_format=None).start([model])
