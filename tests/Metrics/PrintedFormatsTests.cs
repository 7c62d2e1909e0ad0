using System.Globalization;
using System.Text;
using Serverless.Core.Metrics.Printed;

namespace Serverless.Tests.Metrics;

/// <summary>Logs as the common tools print them, and the metrics that a person reads in them.</summary>
public sealed class PrintedFormatsTests
{
    [Fact]
    public void Keras_OneLineAnEpoch() => Reads(
        """
        Epoch 1/20
        1875/1875 - 3s - 2ms/step - accuracy: 0.8801 - loss: 0.4211 - val_accuracy: 0.9012 - val_loss: 0.3519
        Epoch 2/20
        1875/1875 - 3s - 2ms/step - accuracy: 0.9112 - loss: 0.3011 - val_accuracy: 0.9187 - val_loss: 0.2919
        """,
        "accuracy@1=0.8801 loss@1=0.4211 val_accuracy@1=0.9012 val_loss@1=0.3519 accuracy@2=0.9112 loss@2=0.3011 val_accuracy@2=0.9187 val_loss@2=0.2919");

    [Fact]
    public void Keras_WithItsBar() => Reads(
        """
        Epoch 1/3
           1/1875 ━━━━━━━━━━━━━━━━━━━━ 5:13 167ms/step - accuracy: 0.0938 - loss: 2.4012
         917/1875 ━━━━━━━━━━━━━━━━━━━━ 1s 1ms/step - accuracy: 0.8307 - loss: 0.5899
        1875/1875 ━━━━━━━━━━━━━━━━━━━━ 3s 1ms/step - accuracy: 0.8801 - loss: 0.4211 - val_accuracy: 0.9012 - val_loss: 0.3519
        """,
        "accuracy@1=0.8801 loss@1=0.4211 val_accuracy@1=0.9012 val_loss@1=0.3519");

    [Fact]
    public void Keras_AsItWas() => Reads(
        "Epoch 3/20 - 3s - loss: 1.5331 - val_loss: 1.6864", "loss@3=1.5331 val_loss@3=1.6864");

    [Fact]
    public void PyTorch_Mnist() => Reads(
        """
        Train Epoch: 1 [0/60000 (0%)]	Loss: 2.300039
        Train Epoch: 1 [640/60000 (1%)]	Loss: 1.213470

        Test set: Average loss: 0.0483, Accuracy: 9840/10000 (98%)

        Train Epoch: 2 [0/60000 (0%)]	Loss: 0.031000
        """,
        "Loss@60000=2.300039 Loss@60640=1.21347 test/loss@60640=0.0483 test/Accuracy@60640=98 Loss@120000=0.031");

    [Fact]
    public void PyTorch_ImageNet() => Reads(
        """
        Epoch: [0][   1/5005]	Time  0.502 ( 0.502)	Data  0.101 ( 0.101)	Loss 6.9478e+00 (6.9478e+00)	Acc@1   0.00 (  0.00)	Acc@5   0.39 (  0.39)
        Epoch: [1][  11/5005]	Time  0.302 ( 0.312)	Data  0.001 ( 0.021)	Loss 5.1e+00 (5.2e+00)	Acc@1   4.30 (  3.55)	Acc@5  12.11 ( 10.05)
        """,
        "Loss@1=6.9478 Acc@1@1=0 Acc@5@1=0.39 Loss@5016=5.1 Acc@1@5016=4.3 Acc@5@5016=12.11");

    [Fact]
    public void Lightning_Bar() => Reads(
        """
        Epoch 0:   0%|          | 0/938 [00:00<?, ?it/s]
        Epoch 0:  45%|████▌     | 422/938 [00:03<00:04, 120.18it/s, v_num=0, train_loss=0.310]
        Epoch 0:  45%|████▌     | 422/938 [00:03<00:04, 120.18it/s, v_num=0, train_loss=0.310]
        Epoch 0: 100%|██████████| 938/938 [00:07<00:00, 121.00it/s, v_num=0, train_loss=0.210]
        Epoch 0: 100%|██████████| 938/938 [00:08<00:00, 110.00it/s, v_num=0, train_loss=0.210, val_loss=0.280]
        Epoch 1:   0%|          | 0/938 [00:00<?, ?it/s, v_num=0, train_loss=0.210, val_loss=0.280]
        Epoch 1:   1%|          | 10/938 [00:00<00:07, 121.00it/s, v_num=0, train_loss=0.190, val_loss=0.280]
        """,
        "train_loss@422=0.31 train_loss@938=0.21 val_loss@938=0.28 train_loss@948=0.19 val_loss@948=0.28");

    [Fact]
    public void Tqdm() => Reads(
        """
         10%|█         | 100/1000 [00:01<00:09, 99.02it/s, loss=2.31]
        training:  20%|██        | 200/1000 [00:02<00:08, 99.02it/s, loss=1.31, acc=45%]
        """,
        "loss@100=2.31 loss@200=1.31 acc@200=45");

    [Fact]
    public void HuggingFace_DictionaryALine() => Reads(
        """
        {'loss': 2.3108, 'grad_norm': 1.25, 'learning_rate': 4.5e-05, 'epoch': 0.34}
        {'eval_loss': 1.9012, 'eval_accuracy': 0.5411, 'eval_runtime': 3.21, 'epoch': 1.0}
        {'loss': '1.7108', 'grad_norm': '0.91', 'learning_rate': '3e-05', 'epoch': '1.34'}
        """,
        "loss@340=2.3108 grad_norm@340=1.25 learning_rate@340=4.5E-05 epoch@340=0.34 eval_loss@1000=1.9012 eval_accuracy@1000=0.5411 " +
        "eval_runtime@1000=3.21 epoch@1000=1 loss@1340=1.7108 grad_norm@1340=0.91 learning_rate@1340=3E-05 epoch@1340=1.34");

    [Fact]
    public void Python_Dictionaries() => Reads(
        """
        {'epoch': 3, 'loss': tensor(0.31), 'acc': np.float64(0.9), 'best': None, 'ok': True, 'low': -inf, 'it\'s': nan}
        {"step": 4, 'name': "don't", 'loss': 0.25}
        """,
        "loss@3=0.31 acc@3=0.9 low@3=-Infinity it's@3=NaN");

    [Fact]
    public void Json_WithAnEpoch() => Reads(
        """
        {"epoch": 3, "loss": 0.31, "val": {"acc": 1}}
        {"iteration": 120, "epoch": 4, "loss": 0.25}
        """,
        "loss@3=0.31 epoch@120=4 loss@120=0.25");

    [Fact]
    public void NanoGpt() => Reads(
        """
        step 250: train loss 2.4601, val loss 2.4702
        iter 260: loss 2.3456, time 123.45ms, mfu 10.13%
        """,
        "train loss@250=2.4601 val loss@250=2.4702 loss@260=2.3456 mfu@260=10.13");

    [Fact]
    public void XGBoost() => Reads(
        """
        [0]	train-rmse:0.51234	eval-rmse:0.53217
        [12]	train-rmse:0.31023	eval-rmse:0.35217
        [13]  train-auc:0.91 eval-auc:0.89
        """,
        "train-rmse@0=0.51234 eval-rmse@0=0.53217 train-rmse@12=0.31023 eval-rmse@12=0.35217 train-auc@13=0.91 eval-auc@13=0.89");

    [Fact]
    public void LightGbm() => Reads(
        """
        [LightGBM] [Info] Total Bins 128
        [10]	training's l2: 0.0512	valid_1's l2: 0.0598
        """,
        "training's l2@10=0.0512 valid_1's l2@10=0.0598");

    [Fact]
    public void CatBoost() => Reads(
        "12:\tlearn: 0.3112\ttest: 0.3313\tbest: 0.3313 (12)\n", "learn@12=0.3112 test@12=0.3313 best@12=0.3313");

    [Fact]
    public void Fastai_Table() => Reads(
        """
        epoch     train_loss  valid_loss  accuracy  time    
        0         0.512301    0.301200    0.912345  00:12     
        1         0.312301    0.251200    0.932345  00:11     
        done
        """,
        "train_loss@0=0.512301 valid_loss@0=0.3012 accuracy@0=0.912345 train_loss@1=0.312301 valid_loss@1=0.2512 accuracy@1=0.932345");

    [Fact]
    public void Yolo_Tables() => Reads(
        """
              Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size
                1/3      2.12G      1.301      2.801      1.301         12        640:  50%|█████     | 4/8 [00:01<00:01,  3.10it/s]
                1/3      2.12G      1.234      2.701      1.211         14        640: 100%|██████████| 8/8 [00:03<00:00,  3.10it/s]
                         Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  3.1it/s]
                           all        128        929       0.64      0.537      0.605      0.446
        """,
        "box_loss@1=1.234 cls_loss@1=2.701 dfl_loss@1=1.211 Instances@1=14 Images@1=128 Instances@1=929 P@1=0.64 R@1=0.537 mAP50@1=0.605 mAP50-95@1=0.446");

    [Fact]
    public void Timm() => Reads(
        "Train: 2 [  50/1251 (  4%)]  Loss: 6.93 (6.94)  LR: 1.000e-05  Data: 0.010 (0.015)",
        "Loss@2552=6.93 LR@2552=1E-05 Data@2552=0.01");

    [Fact]
    public void Fairseq() => Reads(
        """
        | epoch 002:  45 / 1234 loss=9.912, nll_loss=9.412, ppl=681.22, lr=0.0001
        2026-11-27 10:00:00 | INFO | train | epoch 002 | loss 9.912 | nll_loss 9.412 | ppl 681.22 | num_updates 1234 | lr 0.000125
        """,
        "loss@2513=9.912 nll_loss@2513=9.412 ppl@2513=681.22 lr@2513=0.0001 loss@1234=9.912 nll_loss@1234=9.412 ppl@1234=681.22 lr@1234=0.000125");

    /// <summary>What is measured on held-out data is another metric than the training's, wherever the line says so; and so is the best so far.</summary>
    [Theory]
    [InlineData("Epoch 3 | train: loss=0.5 | val: loss=0.6", "loss@3=0.5 val/loss@3=0.6")]
    [InlineData("Epoch 3 Training loss=0.5 Validation loss=0.6", "loss@3=0.5 validation/loss@3=0.6")]
    [InlineData("Epoch 3 [train] loss: 0.5 [val] loss: 0.6 acc: 0.9", "loss@3=0.5 val/loss@3=0.6 val/acc@3=0.9")]
    [InlineData("Epoch 3 - Train: Loss 0.5, Acc 0.9 - Test: Loss 0.6, Acc 0.8", "Loss@3=0.5 Acc@3=0.9 test/Loss@3=0.6 test/Acc@3=0.8")]
    [InlineData("[val] epoch 3 loss 0.6", "val/loss@3=0.6")]
    [InlineData("[train] epoch 3 loss 0.5", "loss@3=0.5")]
    [InlineData("VALIDATION step 100 loss 0.6", "validation/loss@100=0.6")]
    [InlineData("Test Epoch: 3 loss: 0.6", "test/loss@3=0.6")]
    [InlineData("step 10 eval loss=0.6", "eval/loss@10=0.6")]
    [InlineData("step 10 eval eval_loss=0.6", "eval_loss@10=0.6")]
    [InlineData("epoch 3 val_loss=0.6 loss=0.5", "val_loss@3=0.6 loss@3=0.5")]
    [InlineData("Early stopping at step 100: best loss: 0.2 (step 50)", "best loss@100=0.2")]
    [InlineData("epoch 3 | loss=0.5 | min loss=0.1 | best val loss: 0.2", "loss@3=0.5 min loss@3=0.1 val/best loss@3=0.2")]
    public void SectionsOfALine_AreInTheNames(string line, string read) => Reads(line, read);

    [Theory]
    [InlineData("step 12 000 loss=0.5")]
    [InlineData("epoch 2, step 1 000/2 000, loss 0.5")]
    [InlineData("step 10 loss: 12 000.5")]
    [InlineData("step 10 loss=1 000.5")]
    [InlineData("step 10 loss=12 345")]
    public void ASpaceBetweenThreeDigits_MayBeOfTheNumber_SoNothingIsRead(string line) => Reads(line, "");

    [Fact]
    public void PatternsOfOnesOwn() => Reads(
        """
        7 rmse 0.51 (1,234 rows)
        evaluated: auc .91
        8 rmse nan
        8 rmse high
        epoch 9 loss=0.1
        {"step": 10, "loss": 0.05}
        """,
        "rmse@7=0.51 auc@7=0.91 rmse@8=NaN loss@9=0.1 loss@10=0.05", @"^(?<step>\d+) rmse (?<rmse>\S+)", @"^evaluated: auc (?P<auc>\S+)$");

    [Theory]
    [InlineData("(", "is no regular expression")]
    [InlineData("(?<loss>x)(?=y)", "without backtracking")]
    [InlineData(@"(?<step>\d+)", "is not a regular expression with a named group for each metric")]
    [InlineData(@"loss (\d+)", "is not a regular expression with a named group for each metric")]
    public void APatternThatReadsNothing_IsRefused(string pattern, string why) =>
        Assert.Contains(why, new RunForms.MetricPattern().Problem(pattern), StringComparison.Ordinal);

    [Theory]
    [InlineData("Epoch 3, loss: 0.5, acc: 0.9", "loss@3=0.5 acc@3=0.9")]
    [InlineData("epoch 3 loss=0.5", "loss@3=0.5")]
    [InlineData("[epoch 3/10] train_loss 0.5 val_loss 0.6", "train_loss@3=0.5 val_loss@3=0.6")]
    [InlineData("Epoch [3/10], Step [200/600], Loss: 0.1234", "Loss@2000=0.1234")]
    [InlineData("Epoch 2 batch 10/100: loss=0.3", "loss@210=0.3")]
    [InlineData("Epoch 2, batch 10, loss: 0.3", "loss@2=0.3")]
    [InlineData("batch 10: loss=0.3", "loss@10=0.3")]
    [InlineData("Iteration 1200, loss = 0.35", "loss@1200=0.35")]
    [InlineData("Episode 10: reward=12.5", "reward@10=12.5")]
    [InlineData("Trial 3 finished with value: 0.93 and parameters: {'lr': 0.01}.", "value@3=0.93")]
    [InlineData("Update 40 | return: 200.5 | entropy 0.61", "return@40=200.5 entropy@40=0.61")]
    [InlineData("time=2026-11-27T10:00:00Z level=info msg=\"train\" epoch=3 loss=0.3", "loss@3=0.3")]
    [InlineData("INFO:root:step 5 - val/acc 91.2%", "val/acc@5=91.2")]
    [InlineData("step 12, epoch=3, loss=0.5", "epoch@12=3 loss@12=0.5")]
    public void LinesOfPeoplesOwn(string line, string expected) => Reads(line, expected);

    [Theory]
    [InlineData("epochs: 20, lr: 0.1, batch_size: 32")]
    [InlineData("num_epochs=20 max_steps=1000 max_iter=100 lr=0.1")]
    [InlineData("Loading 12 files, loss function: mse")]
    [InlineData("10:00:01 it took 3 seconds: loss=4")]
    [InlineData("Downloading: 45%|████▌     | 4.22M/9.38M [00:03<00:04, 1.2MB/s]")]
    [InlineData("epoch")]
    [InlineData("step 5, resuming from 3 of 10, on 2 GPUs")]
    [InlineData("Epoch 3 took 12 s, 3 checkpoints kept")]
    [InlineData("[12:30:11] INFO loss: 0.3")]
    [InlineData("[2026-11-27] lr: 0.3")]
    [InlineData("12:30:11 lr: 0.3")]
    [InlineData("1/10 files, size: 3")]
    [InlineData("Test run 1: ok=3")]
    public void WhatIsNoMetric_IsNone(string line) => Reads(line, "");

    private static void Reads(string log, string expected, params string[] patterns)
    {
        var (reader, sink) = (new PrintedMetrics(patterns.Length > 0 ? new(patterns) : null), new Sink());
        var lines = new LineSplitter(line => reader.Read(TerminalEscapes.Remove(line), sink), () => { });
        lines.Add(Encoding.UTF8.GetBytes(log + "\n"));
        Assert.Equal(expected, string.Join(" ", sink.Seen));
    }

    private sealed class Sink : IMetricSink
    {
        public List<string> Seen { get; } = [];

        public void Found(ReadOnlySpan<char> name, long step, double value) =>
            Seen.Add(string.Create(CultureInfo.InvariantCulture, $"{name}@{step}={value}"));

        // Whether it is told is not what these tests are about.
        public void LeftOut(ReadOnlySpan<char> what, string why) { }
    }
}
