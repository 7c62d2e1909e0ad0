#if CLOUD
using Azure.Identity;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Serverless.Cloud;
using Serverless.Core.Messaging;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Functions.Http;

// The platform as an Azure Functions app. Settings: Workspaces__Account, the address of the storage account (https://NAME.blob.core.windows.net), which is opened
// with the app's identity; MachineClasses, names separated by commas.
var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
var account = builder.Configuration["Workspaces:Account"] ?? throw new InvalidOperationException("set Workspaces__Account to the address of the storage account");
builder.Services.AddPlatform()
    .AddSingleton(TimeProvider.System)
    .AddSingleton(new ApiLimits())
    .AddSingleton(new SubmissionOptions { MachineClasses = (builder.Configuration["MachineClasses"] ?? "cpu").Split(',', StringSplitOptions.TrimEntries) })
    .AddSingleton<IWorkspaces>(BlobWorkspaces.At(new(account), new DefaultAzureCredential()));
var app = builder.Build();

// Said at the start rather than at the first request: without a bus, nothing that is submitted would ever run.
_ = app.Services.GetService<IMessageBus>() ?? throw new InvalidOperationException("no message bus: this version has no adapter for Service Bus; run the platform with 'exp up'");
await app.RunAsync();
#endif
