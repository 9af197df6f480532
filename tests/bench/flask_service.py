"""What Copse is measured against: the tutorial's service, in the shape the tutorial gives it.

Flask's development server with flasgger, a pickled scikit-learn forest, and one Redis connection
and SET for each prediction. Behaviour and stack follow the tutorial; the text is our own.

  flask_service.py MODEL.pkl PORT [REDIS_PORT]
"""
import pickle
import sys

import numpy as np
import pandas as pd
import redis
from flasgger import Swagger
from flask import Flask, request

app = Flask(__name__)
swagger = Swagger(app)
with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
redis_port = int(sys.argv[3]) if len(sys.argv) > 3 else None
next_key = 0


@app.route("/predict")
def predict():
    """Prediction for one flower
    ---
    parameters:
      - {name: s_length, in: query, type: number, required: true}
      - {name: s_width, in: query, type: number, required: true}
      - {name: p_length, in: query, type: number, required: true}
      - {name: p_width, in: query, type: number, required: true}
    responses: {200: {description: Index of predicted class}}
    """
    global next_key
    names = ("s_length", "s_width", "p_length", "p_width")
    row = [float(request.args.get(name)) for name in names]
    answer = str([int(i) for i in model.predict(np.array([row]))])
    if redis_port:
        redis.Redis(host="127.0.0.1", port=redis_port).set(str(next_key), answer)
        next_key += 1
    return answer


@app.route("/predict_file", methods=["POST"])
def predict_file():
    """Predictions for a CSV file
    ---
    parameters:
      - {name: input_file, in: formData, type: file, required: true}
    responses: {200: {description: Indices of predicted classes}}
    """
    rows = pd.read_csv(request.files.get("input_file"), header=None)
    return str([int(i) for i in model.predict(rows.values)])


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]))
