"""FastAPI and onnxruntime, as one writes it by hand. Arguments: MODEL.onnx PORT."""

import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
app = FastAPI()


class Request(BaseModel):
    instances: list[list[float]]


@app.post("/predict")
async def predict(request: Request):
    rows = np.array(request.instances, dtype=np.float32)
    return {"predictions": session.run(None, {"inputs": rows})[0].ravel().tolist()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
