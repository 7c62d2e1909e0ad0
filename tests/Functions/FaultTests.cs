using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Functions.Http;

namespace Serverless.Tests.Functions;

public sealed class FaultTests
{
    public static TheoryData<Exception, HttpStatusCode> Faulted => new()
    {
        { new StoreUnavailableException("the disk is gone"), HttpStatusCode.ServiceUnavailable },
        { new BusUnavailableException("locked"), HttpStatusCode.ServiceUnavailable },
        { new FolderFaults(new("/data")).Of(Posix.Error(Posix.ENOSPC, "write"))!, HttpStatusCode.InsufficientStorage },
        { new KeyConflictException("data/x", "it is a folder"), HttpStatusCode.Conflict },
        { new InvalidDataException("a record is damaged"), HttpStatusCode.Conflict },
        { new DamagedRecordException(new("runs/x.json", "it is empty")), HttpStatusCode.Conflict },
        { new InvalidOperationException("a bug"), HttpStatusCode.InternalServerError },
        { new StoreUnavailableException("failed while reading", new RequestException(413, "too large")), HttpStatusCode.RequestEntityTooLarge },
    };

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Faulted))]
    public void Fault_BecomesAProblemThatSaysWhatToDo(Exception fault, HttpStatusCode status)
    {
        var problem = Faults.Translate(fault, new DefaultHttpContext(), NullLogger.Instance).Problem;
        Assert.Equal((int)status, problem.Status);
        Assert.NotEmpty(problem.Detail!);
        Assert.InRange(problem.Detail!.Split("try again").Length, 1, 2);
        Assert.DoesNotContain("a bug", problem.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/files/data/x", null)]
    [InlineData("/api/files/data/.hidden/..x/x..", null)]
    [InlineData("/api/files/data/100%25", null)]
    [InlineData("/api/runs?after=../x", null)]
    [InlineData("http://host/api/files/data/x?y=..", null)]
    [InlineData("/api/files/data/..", "segment")]
    [InlineData("http://host/../x", "segment")]
    [InlineData("/a%5cb", "backslash")]
    [InlineData("/data/%ED%A0%80", "not UTF-8")]
    [InlineData("/data/%c0%ae", "not UTF-8")]
    [InlineData("/data/a%ffb/%C3%A4", "not UTF-8")]
    [InlineData("/a/%25252e%25252e/b", "segment")]
    [InlineData("/a/%2525252525252e", "several times")]
    public void RawPath_IsJudgedAsItWasSent(string target, string? problem)
    {
        var context = new DefaultHttpContext();
        context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget = target;
        if (problem is null) Assert.Null(RawPath.Problem(context));
        else Assert.Contains(problem, RawPath.Problem(context), StringComparison.Ordinal);
    }
}
